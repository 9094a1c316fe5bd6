/** The static page in a real browser, from a file: every view on the kernel that runs in it. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepareWeb } from '../../scripts/prepare.mjs';
import { root } from '../run.js';
import { launch, noBrowser, openPage, violations, visit } from './browser.js';

const folder = join(root, 'dist/web');
/** Where pictures for the documents go (IOASID_PICTURES=docs/pictures npx vitest run test/web/page.test.ts); not given: none are kept. */
const pictures = process.env.IOASID_PICTURES;

const VIEWS = {
  question: '#/question',
  story: '#/question?policy=one-time&property=P1&step=6',
  playground: '#/question?play=rights',
  machine: '#/machine?object=ioasid:1:1',
  space: '#/space',
  calls: '#/calls?event=4',
  time: '#/time',
} as const;

beforeAll(() => prepareWeb(), 240_000);

test('the page is under 200 kB when it is compressed, and names nothing that lies elsewhere', () => {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = files.map((entry) => gzipSync(readFileSync(join(entry.parentPath, entry.name))).length);
  expect(bytes.reduce((a, b) => a + b, 0)).toBeLessThan(200_000);
  const html = readFileSync(join(folder, 'index.html'), 'utf8');
  const names = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, name]) => name ?? '');
  for (const name of names) expect(name).toMatch(/^(\.\/|data:)/);
  for (const name of names.filter((each) => each.startsWith('./'))) expect(existsSync(join(folder, name))).toBe(true);
});

describe.skipIf(noBrowser)(`in a browser${noBrowser ? `: ${noBrowser}` : ''}`, { timeout: 240_000 }, () => {
  let browser: Browser;
  let page: Page;
  let errors: string[];

  beforeAll(async () => {
    browser = await launch();
    ({ page, errors } = await openPage(browser, pathToFileURL(join(folder, 'index.html')).href));
    // The program of the page is held before its device goes.
    await visit(page, '#/machine');
    await page.getByText('held', { exact: true }).waitFor();
  }, 240_000);
  afterAll(async () => {
    await browser?.close();
  });

  for (const [name, hash] of Object.entries(VIEWS)) {
    test(`${name}: no error, nothing that axe-core complains of, in light and dark`, async () => {
      await visit(page, hash);
      expect(await violations(page)).toEqual([]);
      await page.emulateMedia({ colorScheme: 'dark' });
      expect(await violations(page, ['color-contrast'])).toEqual([]);
      await page.emulateMedia({ colorScheme: 'light' });
      if (pictures) {
        mkdirSync(pictures, { recursive: true });
        // As small as it is still read well: a picture of the documents stays below 150 kB.
        await page.setViewportSize({ width: 1200, height: 660 });
        const picture = await page.screenshot({ path: join(pictures, `${name}.png`) });
        await page.setViewportSize({ width: 1440, height: 900 });
        expect(picture.length).toBeLessThan(150_000);
      }
      expect(errors).toEqual([]);
    });
  }

  test('axe-core sees the page: a picture without words is found', async () => {
    await page.evaluate("document.querySelector('main').append(document.createElement('img'))");
    expect(await violations(page)).toEqual([expect.stringContaining('image-alt')]);
    await page.evaluate("document.querySelector('main > img').remove()");
  });

  test('of many calls only those in sight are in the document, open or not', async () => {
    const many = await openPage(browser, pathToFileURL(join(folder, 'index.html')).href);
    await visit(many.page, '#/calls');
    await many.page.getByLabel('Program').selectOption({ label: 'A million calls' });
    await many.page.getByText(/[1-9],\d{3} of .* events/).waitFor();
    const rows = () => many.page.locator('.virtual .call').count();
    expect(await rows()).toBeLessThan(50);
    expect(await rows()).toBeGreaterThan(5);
    await many.page.locator('.virtual .call').nth(2).click();
    await many.page.getByText('IOASID_GET_INFO').first().waitFor();
    expect(await rows()).toBeLessThan(50);
    expect(many.errors).toEqual([]);
    await many.page.close();
  });

  test('at 200 % nothing is cut off: the page never scrolls sideways', async () => {
    await page.setViewportSize({ width: 720, height: 450 });
    for (const hash of Object.values(VIEWS)) {
      await visit(page, hash);
      const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
      expect({ hash, wide }).toEqual({ hash, wide: 0 });
    }
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  test('a refuted cell plays its story, forwards and back, by keys; the lamps show where the policies part', async () => {
    await visit(page, '#/question');
    await page.getByRole('link', { name: 'P1 is refuted under one-time' }).click();
    await page.getByText('step 1 of 6').waitFor();
    for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowRight');
    await page.getByText('So P1 does not hold under one-time').waitFor();
    const row = (policy: string) => page.getByRole('row').filter({ hasText: policy });
    expect(await row('one-time').getByLabel('VM 1 may flush').count()).toBe(1);
    expect(await row('mediated').getByLabel('VM 1 may not flush, new').count()).toBe(1);
    expect(await row('reference').getByText('refused: EBUSY').count()).toBe(1);
    await page.keyboard.press('ArrowLeft');
    await page.getByText('step 5 of 6').waitFor();
    expect(await row('mediated').getByLabel('VM 1 may flush').count()).toBe(1);
  });

  test('the playground: a reader breaks P8 of mediated by hand, and takes it back', async () => {
    await visit(page, '#/question?play=rights&policy=mediated');
    for (const name of [
      'A opens F1',
      'A binds vfio0 to F1',
      'vfio0 is attached to an IOASID that does not enforce snoop',
      'A creates VM 1',
      'VM 1 is given F1 as proof',
      'vfio0 is detached',
    ])
      await page.getByRole('button', { name, exact: true }).click();
    await page.getByText('You broke P8').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText('You broke P8').waitFor({ state: 'detached' });
    expect(await page.getByText('5 steps').count()).toBe(1);
  });

  test('hands reach into the machine: an unplugged device takes the right of the guest with it', async () => {
    await visit(page, '#/machine');
    expect(await page.getByRole('button', { name: /VM 1 may flush/ }).count()).toBe(1);
    await page.getByRole('button', { name: 'Unplug' }).click();
    await page.getByRole('button', { name: /VM 1 WBINVD is a no-op/ }).waitFor();
    await visit(page, '#/calls?call=note');
    await page.getByText('its guest may no longer flush the caches').waitFor();
    await page.getByText('was unplugged').waitFor();
    await visit(page, '#/time');
    await page.getByText('vfio0 was unplugged').first().waitFor();
    await page.getByRole('button', { name: 'Start again' }).click();
    await page.getByText('held', { exact: true }).waitFor();
  });

  test('50 processes and 64 devices: folded, opened, and found by a search, without a violation', async () => {
    await visit(page, '#/machine');
    await page.getByLabel('Program').selectOption({ label: '50 processes and 64 devices' });
    await page.getByText('the program has ended').waitFor();
    await page.getByRole('heading', { name: '64 devices' }).waitFor();
    await page.getByRole('heading', { name: '50 processes' }).waitFor();
    expect(await page.getByRole('button', { name: /^vfio\d+/ }).count()).toBe(24);
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: '40 more' }).click();
    expect(await page.getByRole('button', { name: /^vfio\d+/ }).count()).toBe(64);
    await page.getByLabel('Search').fill('vfio63');
    await page.getByRole('heading', { name: '1 IOMMU' }).waitFor();
    await page.getByRole('heading', { name: '1 address space' }).waitFor();
    expect(await page.getByRole('button', { name: /^vfio\d+/ }).count()).toBe(1);
    await page.getByLabel('Search').fill('');
    await page.getByLabel('Program').selectOption({ label: 'A device, a guest and the right to flush' });
    await page.getByText('held', { exact: true }).waitFor();
  });

  test('calls: a refusal opens with its sentence, and the filter is in the link', async () => {
    await visit(page, '#/calls');
    await page.keyboard.press('e');
    await page.getByText('1 of 2').waitFor();
    await page.getByRole('button', { name: /IOASID_EXECUTE_WBINVD/ }).click();
    await page.getByText("policy 'mediated' gives this open file no right to flush the caches").last().waitFor();
    expect(await page.evaluate('location.hash')).toMatch(/errno=any.*event=\d+/);
    await page.getByRole('link', { name: '/dev/ioasid #1' }).click();
    await page.getByRole('heading', { name: '/dev/ioasid #1' }).waitFor();
  });

  test('the keys of a view are listed by ?', async () => {
    await visit(page, '#/space');
    // A field of the view before may still have the focus, and letters belong to it.
    await page.evaluate('document.activeElement?.blur()');
    await page.keyboard.press('?');
    const keys = page.getByRole('dialog');
    await keys.getByText('Look closer').waitFor();
    await page.keyboard.press('Escape');
    await keys.waitFor({ state: 'hidden' });
    // The keys are the view's again once it has drawn itself, a frame later.
    await expect
      .poll(
        async () => {
          await page.keyboard.press('0');
          return page.getByText('16 EiB in sight').isVisible();
        },
        { timeout: 30_000 },
      )
      .toBe(true);
    expect(errors).toEqual([]);
  });
});
