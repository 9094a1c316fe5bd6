/** A run whose page is slow, gone, or holds the program: the program is killed as any other, and never waits for a reader. */
import { spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { prepareWeb } from '../../scripts/prepare.mjs';
import { compile, start } from '../run.js';

beforeAll(() => prepareWeb(), 240_000);

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

async function shown(program: readonly string[], ...mode: string[]) {
  const run = start(['exec', '--ui', ...mode, '--', ...program]);
  for (let i = 0; i < 6000 && !run.state.stderr.includes('http://'); i++) await sleep(20);
  const url = /http:\S+/.exec(run.state.stderr)?.[0];
  if (!url) throw new Error(`no URL in: ${run.state.stderr}`);
  const { port, hash } = new URL(url);
  return { ...run, port: Number(port), token: hash.slice('#token='.length) };
}

/** What a page does that reads the stream of events: what it got so far. */
function reader(port: number, token: string) {
  const socket = connect(port, '127.0.0.1');
  const seen = { text: '' };
  socket.setEncoding('utf8').on('data', (piece: string) => {
    seen.text += piece;
  });
  socket.on('error', () => undefined);
  socket.write(`GET /api/stream?run=0 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nx-ioasid-token: ${token}\r\n\r\n`);
  return { socket, seen };
}

async function ask(port: number, token: string, command: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/api/ask?run=0`, {
    method: 'POST',
    headers: { 'x-ioasid-token': token },
    body: JSON.stringify({ command }),
  });
  expect(response.status).toBe(200);
}

/** The processes that run just this program. */
function running(program: string): number[] {
  const lines = spawnSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).stdout.split('\n');
  return lines
    .filter((line) => line.trim().split(/\s+/).slice(1).join(' ') === program)
    .map((line) => Number.parseInt(line, 10));
}

test('a held program is killed by a signal of its own, and the run ends with it', { timeout: 240_000 }, async () => {
  const program = compile('test/programs/unplug.c');
  const run = await shown([program], 'hold');
  const held = running(program);
  expect(held).toHaveLength(1);
  process.kill(held[0] as number, 'SIGKILL');
  expect(await run.ended).toBe(137);
});

test('a page that is closed does not let a held program go on; one that asks again does', {
  timeout: 240_000,
}, async () => {
  const run = await shown([compile('examples/wbinvd.c')], 'hold');
  const page = reader(run.port, run.token);
  while (!page.seen.text.includes('"held":{')) await sleep(20);
  page.socket.destroy();
  await sleep(300);
  expect(run.child.exitCode).toBe(null);
  expect(run.state.stdout).toBe('');
  await ask(run.port, run.token, 'continue');
  expect(await run.ended).toBe(0);
});

test('a page that stops reading holds nobody up, and is told of the gap when it reads again', {
  timeout: 240_000,
}, async () => {
  // More than the page's server, the sockets between and the run keep together.
  const client = compile('bench/hot-path/client.c');
  const run = await shown(['sh', '-c', `${client} ioctl 250000; echo done; sleep 3; ${client} ioctl 10`], 'hold');
  const page = reader(run.port, run.token);
  while (!page.seen.text.includes('"held":{')) await sleep(20);
  page.socket.pause();
  await ask(run.port, run.token, 'continue');
  for (let i = 0; i < 9000 && !run.state.stdout.includes('done'); i++) await sleep(20);
  expect(run.state.stdout).toContain('done');
  page.socket.resume();
  expect(await run.ended).toBe(0);
  expect(page.seen.text).toMatch(/"lost":[1-9]/);
  page.socket.destroy();
});
