// What the page costs: a served call with and without --ui, in one run; and the page's frames with a million of things.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { prepareWeb } from '../../scripts/prepare.mjs';
import { aim, compileC, figure, ioasid, row, title } from '../common.mjs';

const ROUNDS = 5;
const CALLS = '20000';
const CHROMIUM = '/usr/bin/chromium';
const page = pathToFileURL(fileURLToPath(new URL('../../dist/web/index.html', import.meta.url))).href;

/** ns a call, as the client measures it. */
function served(client, ...flags) {
  const { status, stdout, stderr } = spawnSync(ioasid, ['exec', ...flags, '--', client, 'ioctl', CALLS], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return Number(stdout.trim().split('\n').at(-1));
}

/** Frame times while something is done in every frame, ms: median and 95 %. @param act source of a function */
function frames(browserPage, act, count = 90) {
  return browserPage.evaluate(`new Promise((done) => {
    const times = [];
    const act = ${act};
    let last = performance.now();
    const frame = (now) => {
      times.push(now - last);
      last = now;
      if (times.length > ${count}) {
        times.sort((a, b) => a - b);
        done([times[times.length >> 1], times[Math.floor(times.length * 0.95)]]);
      } else {
        act(times.length);
        requestAnimationFrame(frame);
      }
    };
    requestAnimationFrame(frame);
  })`);
}

async function pageFrames() {
  if (!existsSync(CHROMIUM)) {
    row('the page', 'chromium is not installed');
    return;
  }
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
  const shown = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const ready = async (program, view, text) => {
    await shown.goto(`${page}#/${view}`);
    await shown.getByLabel('Program').selectOption({ label: program });
    await shown.getByText(text).first().waitFor({ timeout: 600_000 });
    await shown.getByText('the program has ended').waitFor({ timeout: 600_000 });
  };
  const tell = (name, [middle, slow]) => row(name, middle.toFixed(1), slow.toFixed(1));
  const idle = await frames(shown, '() => {}');
  tell('an empty page, as fast as this browser draws here', idle);
  await ready('A million calls', 'calls', 'events');
  tell(
    '10^6 events: the list scrolls',
    await frames(shown, '(i) => { document.querySelector(".virtual").scrollTop += i % 2 ? 900 : 90000; }'),
  );
  tell(
    '10^6 events: the filter is typed',
    await frames(shown, '(i) => { location.hash = "#/calls?call=" + ["WB", "GET", "INFO", ""][i % 4]; }', 40),
  );
  await ready('A million mappings', 'space', 'mappings');
  tell(
    '10^6 mappings: zooming in and out',
    await frames(shown, '(i) => { dispatchEvent(new KeyboardEvent("keydown", { key: i % 60 < 30 ? "+" : "-" })); }'),
  );
  tell(
    '10^6 mappings: moving along',
    await frames(
      shown,
      '(i) => { dispatchEvent(new KeyboardEvent("keydown", { key: i % 60 < 30 ? "ArrowRight" : "ArrowLeft" })); }',
    ),
  );
  await browser.close();
}

export async function ui() {
  prepareWeb();
  const client = compileC(join(import.meta.dirname, '../hot-path/client.c'));
  title(`A served call with and without --ui, ns (minimum, median, maximum of ${ROUNDS} rounds)`);
  const times = { without: [], with: [] };
  for (let round = 0; round < ROUNDS; round++) {
    times.without.push(served(client));
    times.with.push(served(client, '--ui'));
  }
  figure('IOASID_GET_INFO, exec', times.without);
  figure('IOASID_GET_INFO, exec --ui', times.with);
  aim('a served call with --ui, times one without', Math.min(...times.with) / Math.min(...times.without), {
    most: 1.05,
  });
  title('Frames of the page, ms (median and 95 %)');
  await pageFrames();
}
