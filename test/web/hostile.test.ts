/** The page's server and those who mean it ill, or know no better: it goes on serving the page. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareWeb } from '../../scripts/prepare.mjs';
import { start } from '../run.js';

let ui: ReturnType<typeof start>;
let port: number;
let token: string;

beforeAll(async () => {
  prepareWeb();
  ui = start(['ui']);
  for (let i = 0; i < 6000 && !ui.state.stderr.includes('http://'); i++) await sleep(20);
  const url = new URL(/http:\S+/.exec(ui.state.stderr)?.[0] ?? '');
  port = Number(url.port);
  token = url.hash.slice('#token='.length);
}, 240_000);
afterAll(async () => {
  ui.child.kill('SIGTERM');
  expect(await ui.ended).toBe(0);
});

const headers = (): Record<string, string> => ({ 'x-ioasid-token': token });
const asked = async (path: string, init: RequestInit = {}): Promise<number> =>
  (await fetch(`http://127.0.0.1:${port}${path}`, { headers: headers(), ...init })).status;

/** A connection that says something: what comes back until it is closed. */
function said(bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
  let text = '';
  socket.setEncoding('latin1').on('data', (piece: string) => {
    text += piece;
  });
  socket.on('error', () => undefined);
  return new Promise((resolve) => socket.once('close', () => resolve(text)));
}

test('who connects and says half of what he wants is let go of, however many there are', {
  timeout: 120_000,
}, async () => {
  const slow = Array.from({ length: 400 }, (_, i) =>
    said(i % 2 ? '' : `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nx-slow: `),
  );
  await Promise.all(slow);
  expect(await asked('/api/runs')).toBe(200);
});

test('a body that does not come is not waited for', { timeout: 120_000 }, async () => {
  const lines = [`POST /api/ask?run=0 HTTP/1.1`, `Host: 127.0.0.1:${port}`, `x-ioasid-token: ${token}`];
  const answer = await said(`${[...lines, 'content-length: 100'].join('\r\n')}\r\n\r\n{`);
  expect(answer).not.toMatch(/^HTTP\/1.1 200/);
  expect(await asked('/api/runs')).toBe(200);
});

test.each([
  ['headers without end', () => `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nx: ${'x'.repeat(1 << 20)}`, 431],
  ['what is no HTTP', () => '\u0016\u0003\u0001\u0002\r\n\r\n', 400],
  ['two lengths', () => 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx', 400],
])('%s: refused', async (_what, bytes, status) => {
  const answer = await said(bytes());
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status}`));
});

test.each(['-1', '1', '4294967297', '1e99', 'NaN', '', '../1', '%00'])('there is no run %j', async (run) => {
  expect(await asked(`/api/stream?run=${run}`)).toBe(404);
  expect(await asked(`/api/ask?run=${run}`, { method: 'POST', body: '{}' })).toBe(404);
});

test('a path of any bytes is not found, and leads nowhere', async () => {
  for (const path of ['/%ff%fe', '/%00', '//etc/passwd', '/assets/..%2f..%2fpackage.json', `/${'a/'.repeat(2000)}`])
    expect(await asked(path)).toBe(404);
});
