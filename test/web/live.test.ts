/** The page of a live run, in a real browser: a compiled program is held, stepped, stopped at, and made to fail. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepareWeb } from '../../scripts/prepare.mjs';
import { compile, exec, start, workDirectory } from '../run.js';
import { launch, noBrowser, openPage, violations, visit } from './browser.js';

beforeAll(() => prepareWeb(), 240_000);

/** Starts a run that waits before its first call. */
async function held(program: string) {
  const run = start(['exec', '--ui', 'hold', '--', program]);
  for (let i = 0; i < 6000 && !run.state.stderr.includes('http://'); i++)
    await new Promise((done) => setTimeout(done, 20));
  const url = /http:\S+/.exec(run.state.stderr)?.[0];
  if (!url) throw new Error(`no URL in: ${run.state.stderr}`);
  return { ...run, url, port: Number(new URL(url).port), token: new URL(url).hash.slice('#token='.length) };
}

function status(port: number, path: string, headers: Record<string, string>, method = 'GET'): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, headers, method }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** The page of any run, or of a trace: `ioasid ui`. */
async function served(...args: string[]) {
  const run = start(['ui', ...args]);
  for (let i = 0; i < 6000 && !run.state.stderr.includes('http://'); i++)
    await new Promise((done) => setTimeout(done, 20));
  const url = /http:\S+/.exec(run.state.stderr)?.[0];
  if (!url) throw new Error(`no URL in: ${run.state.stderr}`);
  return { ...run, url };
}

test('the server listens on 127.0.0.1 only', { timeout: 240_000 }, async () => {
  const { child, ended, url } = await served();
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, '0');
  const listening = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local = '', , state]) => state === '0A' && local.endsWith(`:${port}`))
      .map(([, local]) => local),
  );
  expect(listening).toEqual([`0100007F:${port}`]);
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});

test('the server of the page refuses everybody else, and dies with its run', { timeout: 240_000 }, async () => {
  const run = await held(compile('test/programs/unplug.c'));
  const { port, token } = run;
  const ask = (headers: Record<string, string>, path = '/api/runs', method = 'GET') =>
    status(port, path, headers, method);
  const mine = { 'x-ioasid-token': token };
  expect(await ask(mine)).toBe(200);
  expect(await ask({})).toBe(403);
  expect(await ask({ 'x-ioasid-token': `${token.slice(0, -1)}!` })).toBe(403);
  expect(await ask({ ...mine, host: 'evil.example' })).toBe(403);
  expect(await ask({ ...mine, origin: 'https://evil.example' })).toBe(403);
  expect(await ask({ ...mine, 'sec-fetch-site': 'cross-site' })).toBe(403);
  expect(await ask({ origin: 'https://evil.example' }, '/api/ask', 'POST')).toBe(403);
  expect(await ask({}, '/')).toBe(200);
  expect(await ask({ host: 'evil.example' }, '/')).toBe(403);
  expect(await ask({}, '/../../package.json')).toBe(404);
  expect(await ask({}, '/%2e%2e/%2e%2e/package.json')).toBe(404);
  // What is too long is not read, and no more pages look than a person has.
  const long = await fetch(`http://127.0.0.1:${port}/api/ask?run=0`, {
    ...{ method: 'POST', headers: mine, body: 'x'.repeat(100_000) },
  });
  expect(long.status).toBe(413);
  const streams = new AbortController();
  const look = () => fetch(`http://127.0.0.1:${port}/api/stream?run=0`, { headers: mine, signal: streams.signal });
  const looks = [];
  for (let i = 0; i < 65; i++) looks.push((await look()).status);
  expect([looks.filter((code) => code === 200).length, looks.at(-1)]).toEqual([64, 503]);
  streams.abort();
  await expect.poll(async () => (await ask(mine, '/api/stream?run=0')) === 200).toBe(true);
  // A run that does not answer is not asked without end, and is looked at again once it does.
  run.child.kill('SIGSTOP');
  const question = () =>
    fetch(`http://127.0.0.1:${port}/api/ask?run=0`, {
      ...{ method: 'POST', headers: mine, body: '{"command":"activity"}' },
    });
  const questions = Array.from({ length: 128 }, question);
  expect((await Promise.race(questions)).status).toBe(400);
  run.child.kill('SIGCONT');
  const codes = (await Promise.all(questions)).map(({ status: code }) => code);
  expect(new Set(codes)).toEqual(new Set([200, 400]));
  expect((await question()).status).toBe(200);
  // A held program is killed as any other.
  run.child.kill('SIGTERM');
  expect(await run.ended).toBe(143);
  await expect(ask(mine)).rejects.toThrow(/ECONNREFUSED|ECONNRESET/);
});

describe.skipIf(noBrowser)(`in a browser${noBrowser ? `: ${noBrowser}` : ''}`, { timeout: 240_000 }, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
  });

  const open = async (url: string): Promise<{ page: Page; errors: string[] }> => {
    const opened = await openPage(browser, url);
    await opened.page.getByText(/held at/).waitFor();
    return opened;
  };

  test('a program is held before its first call, stepped, and goes on to its end', async () => {
    const run = await held(compile('examples/wbinvd.c'));
    const { page, errors } = await open(run.url);
    expect(await page.evaluate('location.hash')).not.toContain('token');
    expect(run.state.stdout).toBe('');
    for (const next of ['openat', 'VFIO_BIND_IOASID_FD', 'IOASID_ALLOC', 'IOASID_EXECUTE_WBINVD']) {
      await page.getByRole('button', { name: 'Step' }).click();
      await page.getByText(`held at ${next}`.replace('openat', 'open')).waitFor();
    }
    await page.getByRole('button', { name: /\/dev\/ioasid #1 may not flush/ }).waitFor();
    await page.getByRole('button', { name: /process \d+/ }).waitFor();
    expect(run.state.stdout).toBe('');
    await page.getByRole('button', { name: 'Continue' }).click();
    expect(await run.ended).toBe(0);
    await page.getByText('the run has ended').waitFor();
    await visit(page, '#/calls?call=KVM_GUEST_OP');
    await page.getByText(/^3 of \d+ events/).waitFor();
    expect(errors.filter((text) => !/ERR_CONNECTION|Failed to load/.test(text))).toEqual([]);
    await page.close();
  });

  test('it stops at a call, shows the address space, and a call fails by hand', async () => {
    const run = await held(compile('examples/wbinvd.c'));
    const { page } = await open(run.url);
    await page.getByText('Stops').click();
    await page.getByLabel('Call', { exact: true }).fill('KVM_CREATE_VM');
    await page.getByRole('button', { name: 'Stop there' }).click();
    await page.getByRole('button', { name: 'Do not stop at KVM_CREATE_VM' }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('held at KVM_CREATE_VM').waitFor();
    expect(run.state.stdout).toContain('copied by DMA');
    await visit(page, '#/space');
    await page.getByRole('button', { name: '0x100000' }).first().waitFor();
    await page.getByLabel('Call', { exact: true }).fill('VFIO_DETACH_IOASID');
    await page.getByLabel('Answer').selectOption('ENOMEM');
    await page.getByRole('button', { name: 'Fail the next one' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
    expect(await run.ended).toBe(1);
    expect(run.state.stderr).toContain('VFIO_DETACH_IOASID: Cannot allocate memory');
    await visit(page, '#/calls?errno=ENOMEM');
    await page.getByText('ENOMEM failed by hand').waitFor();
    await page.close();
  });

  test('ioasid ui attaches to a run that goes on, and leaves it as it was', async () => {
    const program = compile('test/programs/wait-for-kill.c');
    const run = start(['exec', '--', program]);
    await run.until('pid');
    const ui = await served();
    const { page, errors } = await openPage(browser, ui.url);
    const name = `${program} (${run.child.pid})`;
    await page.getByLabel(/^Run/).selectOption({ label: name });
    await visit(page, '#/machine');
    await page.getByRole('button', { name: /process \d+/ }).waitFor();
    await page.getByRole('button', { name: /\/dev\/ioasid #1/ }).waitFor();
    // Nobody was held by it.
    expect(await page.getByText(/held at/).count()).toBe(0);
    ui.child.kill('SIGTERM');
    expect(await ui.ended).toBe(0);
    expect(run.child.exitCode).toBe(null);
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(143);
    expect(errors.filter((text) => !/ERR_|Failed to load/.test(text))).toEqual([]);
    await page.close();
  });

  test('a trace file opens: its calls and their time, and no machine', async () => {
    const file = join(workDirectory, 'page-trace.jsonl');
    expect(exec([compile('examples/wbinvd.c')], ['--trace', file]).status).toBe(0);
    const ui = await served(file);
    const { page, errors } = await openPage(browser, ui.url);
    await visit(page, '#/calls?call=KVM_GUEST_OP');
    await page.getByText(/^3 of \d+ events/).waitFor();
    await visit(page, '#/machine');
    await page.getByText('A trace file has calls, and no machine').waitFor();
    await visit(page, '#/time');
    await page.getByRole('row').filter({ hasText: 'VM 1' }).first().waitFor();
    await page.getByRole('row').filter({ hasText: '/dev/ioasid #1' }).first().waitFor();
    expect(errors).toEqual([]);
    ui.child.kill('SIGTERM');
    expect(await ui.ended).toBe(0);
    await page.close();
  });

  test('what a device did stays to be seen after the run: volume, places and the fault that was provoked', async () => {
    const run = await held(compile('examples/wbinvd.c'));
    const { page } = await open(run.url);
    await page.getByText('Stops').click();
    await page.getByLabel('Call', { exact: true }).fill('KVM_CREATE_VM');
    await page.getByRole('button', { name: 'Stop there' }).click();
    await page.getByRole('button', { name: 'Do not stop at KVM_CREATE_VM' }).waitFor();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('held at KVM_CREATE_VM').waitFor();
    await page.getByLabel('By hand, of').selectOption('vfio0');
    await page.getByRole('button', { name: 'Fault' }).click();
    await visit(page, '#/space');
    await page.getByText('read stopped: not mapped').waitFor();
    await page.getByRole('cell', { name: 'write', exact: true }).first().waitFor();
    await page.getByRole('button', { name: 'Do not stop at KVM_CREATE_VM' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
    expect(await run.ended).toBe(0);
    await visit(page, '#/time');
    const volume = page.getByRole('table', { name: 'DMA' }).getByRole('row').filter({ hasText: 'vfio0' });
    await volume.waitFor();
    expect(await volume.textContent()).toMatch(/vfio0.*[1-9].*1$/);
    await page.close();
  });

  test('hands reach into a run: the device is pulled before the program opens it', async () => {
    const run = await held(compile('test/programs/unplug.c'));
    const { page } = await open(run.url);
    await page.getByRole('button', { name: 'Unplug' }).click();
    await page.getByRole('button', { name: 'Plug in' }).waitFor();
    await page.getByRole('button', { name: 'Continue' }).click();
    // Its open of the device, and with it the program, fails.
    expect(await run.ended).not.toBe(0);
    expect(run.state.stderr).toContain('No such file or directory');
    await page.close();
  });
});
