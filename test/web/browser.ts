/** A real browser for the tests of the page: Debian's chromium. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

const CHROMIUM = '/usr/bin/chromium';

/** Why the page cannot be tried here; undefined: it can. */
export const noBrowser: string | undefined = existsSync(CHROMIUM)
  ? undefined
  : `${CHROMIUM} is not installed (apt-get install chromium)`;

export function launch(): Promise<Browser> {
  // A container has no user namespaces for chromium's sandbox; nothing but our own page is loaded.
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
}

/** A page that fails its test on any error that it reports, and on any request that leaves it. */
export async function openPage(browser: Browser, url: string, dark = false): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: dark ? 'dark' : 'light' });
  page.setDefaultTimeout(60_000);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('request', (request) => {
    if (!/^(file|data|blob):/.test(request.url()) && new URL(request.url()).origin !== new URL(url).origin)
      errors.push(`asks ${request.url()}`);
  });
  await page.goto(url);
  await page.waitForSelector('main');
  return { page, errors };
}

/** Goes to a view by its link. */
export async function visit(page: Page, hash: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
  const view = /^#\/(\w+)/.exec(hash)?.[1] ?? 'question';
  await page.waitForSelector(`main.${view}`);
  // Two frames: what the view asks the machine is answered and drawn.
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const ALL = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];

/** What axe-core finds wrong with the page as it is. @param only tags or rules; all of WCAG 2.1 AA when not given */
export async function violations(page: Page, only: readonly string[] = ALL): Promise<string[]> {
  await page.evaluate(axeSource);
  const found: unknown = await page.evaluate(
    `axe.run({ preload: false, runOnly: ${JSON.stringify(only)} }).then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ': ' + nodes.map((n) => n.target.join(' ')).slice(0, 3).join(', ')))`,
  );
  expect(Array.isArray(found)).toBe(true);
  return found as string[];
}
