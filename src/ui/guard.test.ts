import { describe, expect, test } from 'vitest';
import { type Asked, HEADERS, refusal } from './guard.js';

const own: Asked = { host: '127.0.0.1:4000', origin: undefined, site: 'same-origin', token: 'secret' };
const judge = (change: Partial<Asked>, secret: string | undefined = 'secret') =>
  refusal({ ...own, ...change }, 4000, secret);

describe('the guard of the page', () => {
  test('lets the page itself through', () => {
    expect(judge({})).toBeUndefined();
    expect(judge({ host: 'localhost:4000', origin: 'http://localhost:4000' })).toBeUndefined();
    expect(judge({ site: undefined })).toBeUndefined();
  });

  test.each([
    ['a name that resolves here (DNS rebinding)', { host: 'evil.example:4000' }],
    ['another port', { host: '127.0.0.1:4001' }],
    ['no host', { host: undefined }],
    ['a foreign page', { origin: 'https://evil.example' }],
    ['a sandboxed frame', { origin: 'null' }],
    ['a page of the other name', { origin: 'http://localhost:4000' }],
    ['another site', { site: 'cross-site' }],
    ['another port of this host', { site: 'same-site' }],
    ['a link from elsewhere', { site: 'none' }],
    ['no token', { token: undefined }],
    ['another token of the same length', { token: 'secreT' }],
    ['a longer token', { token: 'secrets' }],
  ])('refuses %s', (_what, change) => {
    expect(judge(change)).toMatch(/\w/);
  });

  test('the files of the page need no token, and still the right host', () => {
    expect(refusal({ ...own, token: undefined, site: 'none' }, 4000, undefined)).toBeUndefined();
    expect(refusal({ ...own, token: undefined, host: 'evil.example:4000' }, 4000, undefined)).toMatch(/host/);
    expect(refusal({ ...own, token: undefined, site: 'cross-site' }, 4000, undefined)).toMatch(/site/);
  });

  test('nothing may be loaded, framed or sent elsewhere', () => {
    const policy = HEADERS['content-security-policy'] ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  });
});
