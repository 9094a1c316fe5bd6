import { describe, expect, test } from 'vitest';
import { checkToken, type TokenRole, tokenOfUuid, tokenText, VfToken } from './vf-token.js';

const UUID = '14D63F20-8445-11EA-8900-1F9CE7D5650D';
const ONE = tokenOfUuid(UUID);
const OTHER = tokenText(new Uint8Array(16).fill(7));
const fails = (code: string) => expect.objectContaining({ code });

describe('the token rule (linux-vfio.md, 2)', () => {
  const physical = (vfsOpen: number): TokenRole => ({
    kind: 'physical',
    token: new VfToken(new Uint8Array(16)),
    vfsOpen,
  });

  test('a UUID is its 16 bytes in the order of its text', () => {
    expect(ONE).toBe('14d63f20844511ea89001f9ce7d5650d');
  });

  test('a device that is neither PF nor VF takes no token', () => {
    expect(() => checkToken('d', { kind: 'other' }, ONE)).toThrow(fails('EINVAL'));
    checkToken('d', { kind: 'other' }, undefined);
  });

  test('a PF without open VFs takes a given token as its new one; with open VFs it must be given', () => {
    const free = physical(0);
    checkToken('pf', free, ONE);
    checkToken('pf', free, undefined);
    expect(free.kind === 'physical' && free.token.matches(ONE)).toBe(true);
    const busy = physical(1);
    expect(() => checkToken('pf', busy, undefined)).toThrow(fails('EACCES'));
    expect(() => checkToken('pf', busy, ONE)).toThrow(fails('EACCES'));
    if (busy.kind === 'physical') busy.token.set(ONE);
    checkToken('pf', busy, ONE);
  });

  test('a VF needs the token of its PF', () => {
    const token = new VfToken(new Uint8Array(16));
    token.set(ONE);
    const role: TokenRole = { kind: 'virtual', token };
    expect(() => checkToken('vf', role, undefined)).toThrow(fails('EACCES'));
    expect(() => checkToken('vf', role, OTHER)).toThrow(fails('EACCES'));
    checkToken('vf', role, ONE);
  });
});
