/** The page of a live run, in a real browser: a compiled program is held, stepped, stopped at, and made to fail. */
import { request } from 'node:http';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepareWeb } from '../../scripts/prepare.mjs';
import { compile, start } from '../run.js';
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
    await page.getByText('3 of 28 events').waitFor();
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
    await page.getByRole('button', { name: '0x100000' }).waitFor();
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
