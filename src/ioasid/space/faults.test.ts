import { describe, expect, test } from 'vitest';
import { requester } from '../../../test/hardware.js';
import { refused } from '../../../test/refused.js';
import { EVENT, FAULT } from '../../abi/ioasid/constants.js';
import { ioasid_fault } from '../../abi/ioasid/structs.js';
import { PageRequestGroup, type PageResponse } from '../../iommu/page-request.js';
import type { AttachedDevice } from './attachment.js';
import { Faults } from './faults.js';

function device(cookie: bigint): AttachedDevice {
  return { requester: requester(`d${cookie}`), cookie, mates: () => [] };
}

/** A fault fd of IOASID 3 with two devices, and what became of their requests. */
function setup() {
  const devices = [device(0xaan), device(0xbbn)] as const;
  const attached = new Set<string>();
  const timers: (() => void)[] = [];
  const events: unknown[] = [];
  let closed = 0;
  const faults = new Faults({
    ioasid: 3,
    device: (who) => devices.find(({ requester }) => requester === who),
    attached: ({ cookie }, pasid) => attached.has(`${cookie} ${pasid}`),
    schedule: (act) => {
      timers.push(act);
      return () => timers.splice(timers.indexOf(act), 1);
    },
    emit: (...event) => events.push(event),
    closed: () => closed++,
  });
  const answers: (PageResponse | 'waits')[] = [];
  const ask = (which: 0 | 1, pasid?: number, pages = 1): boolean => {
    const at = answers.push('waits') - 1;
    const requests = Array.from({ length: pages }, (_, i) => ({ address: BigInt(i) * 4096n, write: i > 0 }));
    return faults.deliver(
      new PageRequestGroup(devices[which].requester, pasid, 0, requests, (response) => {
        answers[at] = response;
      }),
    );
  };
  const records = () => {
    const all: Record<string, number | bigint>[] = [];
    const bytes = new Uint8Array(ioasid_fault.size);
    const view = new DataView(bytes.buffer);
    const { get } = ioasid_fault;
    while (faults.stream.readable) {
      faults.stream.read(bytes);
      const [flags, pasid, cookie] = [get.flags(view), get.pasid(view), get.cookie(view)];
      const [addr, perm, grpid, code] = [get.addr(view), get.perm(view), get.grpid(view), get.code(view)];
      all.push({ flags, pasid, cookie, addr, perm, grpid, code });
    }
    return all;
  };
  return { devices, attached, timers, events, faults, answers, ask, records, closed: () => closed };
}
describe('a fault fd (uapi-ioasid.md, 2.3)', () => {
  test('gives each request of a group a record, with one grpid; the last is marked', () => {
    const { ask, records } = setup();
    ask(0, 9, 2);
    const common = { pasid: 9, cookie: 0xaan, grpid: 1, code: FAULT.IOASID_FAULT_CODE_REQUEST };
    const { IOASID_FAULT_PASID: PASID, IOASID_FAULT_LAST_PAGE: LAST } = FAULT;
    expect(records()).toEqual([
      { ...common, flags: PASID, addr: 0n, perm: FAULT.IOASID_FAULT_READ },
      { ...common, flags: PASID | LAST, addr: 4096n, perm: FAULT.IOASID_FAULT_WRITE },
    ]);
  });

  test.each([
    [0, 'success'],
    [1, 'invalid'],
    [2, 'failure'],
  ] as const)('response %i answers the whole group: %s; a second response is ENOENT', (response, wanted) => {
    const { ask, faults, answers, timers } = setup();
    ask(0, undefined, 3);
    faults.respond(1, 0xaan, undefined, response);
    expect([answers, timers.length]).toEqual([[wanted], 0]);
    expect(refused(() => faults.respond(1, 0xaan, undefined, response))).toBe('ENOENT');
  });

  test.each([
    ['another group', 2, 0xaan, 9],
    ['another device', 1, 0xbbn, 9],
    ['another PASID', 1, 0xaan, 8],
  ] as const)('a response for %s is ENOENT, and the request waits on', (_, grpid, cookie, pasid) => {
    const { ask, faults, answers } = setup();
    ask(0, 9);
    expect(refused(() => faults.respond(grpid, cookie, pasid, 0))).toBe('ENOENT');
    expect(answers).toEqual(['waits']);
    faults.respond(1, 0xaan, undefined, 0);
    expect(answers).toEqual(['success']);
  });

  test('without an answer in time the request fails, and the context hears of it', () => {
    const { ask, timers, answers, events } = setup();
    ask(1);
    timers[0]?.();
    expect([answers, events]).toEqual([['failure'], [[EVENT.IOASID_EVENT_FAULT_TIMEOUT, 3, 0xbbn]]]);
  });

  test('a PASID that is detached aborts what came by it, of that device alone', () => {
    const { ask, faults, answers, devices } = setup();
    ask(0, 1);
    ask(0, 2);
    ask(1, 1);
    faults.abort(devices[0].requester, 1);
    expect(answers).toEqual(['failure', 'waits', 'waits']);
  });

  test('a detached default attachment aborts all but what came by PASIDs that are still attached', () => {
    const { ask, faults, answers, devices, attached } = setup();
    attached.add(`${0xaan} 2`);
    ask(0);
    ask(0, 1);
    ask(0, 2);
    ask(1);
    faults.abortUnattached(devices[0]);
    expect(answers).toEqual(['failure', 'failure', 'waits', 'waits']);
  });

  test('a group that does not fit is refused whole, and a LOST record tells of it', () => {
    const { ask, records } = setup();
    for (let i = 0; i < 62; i++) ask(0);
    expect(ask(0, undefined, 2)).toBe(false);
    const all = records();
    expect([all.length, all.at(-1)?.code]).toEqual([63, FAULT.IOASID_FAULT_CODE_LOST]);
  });

  test('the request of a device that is not bound is nobody’s', () => {
    const { faults } = setup();
    const group = new PageRequestGroup({ name: 'x' }, undefined, 0, [{ address: 0n, write: false }], () => {});
    expect(faults.deliver(group)).toBe(false);
  });

  test('the last close fails all that wait', () => {
    const { ask, faults, answers, closed } = setup();
    ask(0);
    ask(1, 5);
    faults.close();
    expect([answers, closed()]).toEqual([['failure', 'failure'], 1]);
  });
});
