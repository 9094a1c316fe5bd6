import { describe, expect, it } from 'vitest';
import { Errno } from '../abi/errno.js';
import { EVENT_FD_TABLE, EventFd } from './file/event-fd.js';
import { OpenFile } from './file/open-file.js';
import { VirtualKernel } from './kernel.js';
import { Process } from './process.js';

function machine() {
  const kernel = new VirtualKernel();
  kernel.fs.addDevice('/dev/counter', 10, 1, () => new OpenFile(new EventFd(), EVENT_FD_TABLE));
  let pid = 1;
  return { kernel, process: new Process(kernel, () => pid++) };
}

describe('watchers of a kernel', () => {
  it('are all told of a call, each as often as it watches', () => {
    const { kernel, process } = machine();
    const told: string[] = [];
    const ends = ['a', 'b'].map((name) => kernel.watch({ called: ({ call }) => told.push(`${name} ${call}`) }));
    process.open('/dev/counter');
    ends[0]?.();
    process.open('/dev/counter');
    expect(told).toEqual(['a open', 'b open', 'b open']);
  });

  it('may leave twice, and while they are told', () => {
    const { kernel, process } = machine();
    const told: string[] = [];
    const leave = kernel.watch({
      called: () => {
        told.push('once');
        leave();
        leave();
      },
    });
    kernel.watch({ called: () => told.push('always') });
    process.open('/dev/counter');
    process.open('/dev/counter');
    expect(told).toEqual(['once', 'always', 'always']);
  });

  it('are asked before a call, the latest first; one that refuses it ends the asking, and the call had no effect', () => {
    const { kernel, process } = machine();
    const asked: string[] = [];
    let opened = 0;
    kernel.fs.addDevice('/dev/other', 10, 2, () => {
      opened++;
      return new OpenFile(new EventFd(), EVENT_FD_TABLE);
    });
    kernel.watch({ entered: () => asked.push('first') });
    kernel.watch({
      entered: () => {
        throw new Errno('EIO', 'on demand');
      },
    });
    kernel.watch({ entered: ({ call, file }) => asked.push(`last ${call} ${file}`) });
    const results: number[] = [];
    kernel.watch({ called: ({ result, error }) => results.push(error ? -error.errno : result) });
    expect(() => process.open('/dev/other')).toThrow('on demand');
    expect({ asked, opened, results }).toEqual({ asked: ['last open /dev/other'], opened: 0, results: [-5] });
  });

  it('that want no notes cost no text of one', () => {
    const { kernel } = machine();
    kernel.watch({ called: () => {} });
    kernel.note('vfio0', () => expect.fail('nobody reads this'));
    const notes: string[] = [];
    kernel.watch({ noted: (subject, text) => notes.push(`${subject} ${text}`) });
    kernel.note('vfio0', () => 'is gone');
    expect(notes).toEqual(['vfio0 is gone']);
  });

  it('are told of a failed call with its reason, of a read with its count', () => {
    const { kernel, process } = machine();
    const fd = process.open('/dev/counter');
    const told: unknown[] = [];
    expect(kernel.traced).toBe(false);
    kernel.watch({ called: ({ call, input, result, error }) => told.push([call, input, result, error?.code]) });
    expect(kernel.traced).toBe(true);
    expect(() => process.read(fd, 0n, 3)).toThrow();
    expect(told).toEqual([['read', { count: 3n }, -1, expect.any(String)]]);
  });
});
