import type { Browser, BrowserContext, Page } from 'playwright-core';
import { openPage } from '../../test/helpers/browser.ts';
import { median, significant } from '../figures/numbers.ts';
import { countRequests } from '../rounds/request-totals.ts';
import type { ServedPage } from './page-process.ts';
import { type BenchPage, startPage } from './start-page.ts';

/** What opening a screen costs. Until its first row: */
export interface ScreenFigures {
  /** From the address to the first row, in a new browser, s. */
  readonly firstRow: number;
  /** The same when the server of the page has read it before, s. */
  readonly again: number;
  /** Processor time of the server, and of the browser's page in its main thread, s. */
  readonly serverCpu: number;
  readonly pageCpu: number;
  /** Slowest request of the API, s; bytes of all of them. */
  readonly slowestApi: number;
  readonly apiBytes: number;
  /** Requests to the storage, those while the screen scrolls included. */
  readonly s3: number;
  /** Longest pause between two pictures while the screen scrolls to its end, ms. */
  readonly longestFrame: number;
}

/** A row of a table, a cell of a grid, an item of a list, or a picture. */
const ROWS = 'main :is(tbody tr, [role=row] [role=gridcell], [role=row] [role=cell], canvas, svg, ol > li)';
const PATIENCE_MS = 60_000;
/** Other work of the machine makes one measurement slow: each figure is the median of several. */
const TIMES = 3;

/** Opens a screen in new browsers, first with a new server of the page; the medians of several times. */
export async function openScreen(browser: Browser, served: ServedPage, hash: string): Promise<ScreenFigures> {
  const all: ScreenFigures[] = [];
  for (let time = 0; time < TIMES; time++) all.push(await openTwice(browser, served, hash));
  const names = Object.keys(all[0] ?? {}) as (keyof ScreenFigures)[];
  return Object.fromEntries(
    names.map((name) => [name, significant(median(all.map((figures) => figures[name])))]),
  ) as unknown as ScreenFigures;
}

async function openTwice(browser: Browser, served: ServedPage, hash: string): Promise<ScreenFigures> {
  const server = await startPage(served);
  try {
    const taken = await countRequests(served.endpoint);
    const first = await look(browser, server, hash);
    const { s3 } = await taken();
    const { firstRow: again } = await look(browser, server, hash);
    return { ...first, again, s3 };
  } finally {
    await server.close();
  }
}

async function look(browser: Browser, server: BenchPage, hash: string) {
  const { page, close } = await openPage(browser, 'about:blank');
  try {
    page.setDefaultTimeout(PATIENCE_MS);
    const answers = apiAnswers(page);
    const pageCpu = await mainThread(page.context(), page);
    // With a session, not with its token: the exchange of the token leads to the start, which is another screen.
    const [name = '', value = ''] = server.cookie.split('=');
    await page.context().addCookies([{ name, value, url: server.origin }]);
    const cpuBefore = await server.cpuSeconds();
    const started = performance.now();
    await page.goto(`${server.origin}/${hash}`);
    await page.locator(ROWS).first().waitFor();
    const firstRow = (performance.now() - started) / 1000;
    const serverCpu = (await server.cpuSeconds()) - cpuBefore;
    const figures = { firstRow, serverCpu, pageCpu: await pageCpu(), ...(await answers()) };
    return { ...figures, longestFrame: await page.evaluate<number>(SCROLL) };
  } finally {
    await close();
  }
}

/** Follows the answers of the API. The returned function tells what has come so far. */
function apiAnswers(page: Page) {
  const answers: Promise<{ readonly seconds: number; readonly bytes: number }>[] = [];
  page.on('requestfinished', (request) => {
    if (!request.url().includes('/api/v1/')) return;
    const seconds = request.timing().responseEnd / 1000;
    // Those that come later may meet a closed browser.
    const bytes = request.sizes().then(
      ({ responseBodySize }) => responseBodySize,
      () => 0,
    );
    answers.push(bytes.then((size) => ({ seconds, bytes: size })));
  });
  return async () => {
    const known = await Promise.all(answers);
    return {
      slowestApi: Math.max(0, ...known.map(({ seconds }) => seconds)),
      apiBytes: known.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  };
}

/** Processor time of a page's main thread: scripts, styles and layout, s. */
async function mainThread(context: BrowserContext, page: Page): Promise<() => Promise<number>> {
  const session = await context.newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0;
  };
}

/** Scrolls what scrolls most, in twenty steps; the longest time between two pictures, ms. A second is no picture at all. */
const SCROLL = `(async () => {
  const all = [document.documentElement, ...document.querySelectorAll('main *')];
  const scrolls = (one) => one.scrollHeight - one.clientHeight;
  const target = all.filter((one) => one === document.documentElement || /auto|scroll/.test(getComputedStyle(one).overflowY))
    .reduce((most, one) => (scrolls(one) > scrolls(most) ? one : most));
  const picture = () => new Promise((resolve) => {
    requestAnimationFrame(() => resolve());
    setTimeout(resolve, 1000);
  });
  let longest = 0;
  let last = performance.now();
  for (let step = 1; step <= 20; step++) {
    target.scrollTop = (scrolls(target) * step) / 20;
    await picture();
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }
  return longest;
})()`;
