import type { Browser } from 'playwright-core';
import { openPage } from '../../test/helpers/browser.ts';
import { startTestPage } from '../../test/helpers/page-server.ts';
import { significant } from '../figures/numbers.ts';
import { countRequests } from '../rounds/request-totals.ts';

/** What opening a screen costs. */
export interface ScreenFigures {
  /** From the address to the first row, in a new browser, s. */
  readonly firstRow: number;
  /** The same when the server of the page has read it before, s. */
  readonly again: number;
  /** Longest pause between two pictures while the screen scrolls to its end, ms. */
  readonly longestFrame: number;
  /** Slowest request of the API, s; bytes of all of them; requests to the storage. */
  readonly slowestApi: number;
  readonly apiBytes: number;
  readonly s3: number;
}

/** A row of a table, a cell of a grid, an item of a list, or a picture. */
const ROWS = 'main :is(tbody tr, [role=row] [role=gridcell], [role=row] [role=cell], canvas, svg, ol > li)';
const PATIENCE_MS = 60_000;

/** Opens a screen in new browsers, first with a new server of the page. */
export async function openScreen(
  browser: Browser,
  endpoint: string,
  options: Parameters<typeof startTestPage>[0],
  hash: string,
): Promise<ScreenFigures> {
  const server = await startTestPage(options);
  const taken = await countRequests(endpoint);
  const first = await look();
  const { s3 } = await taken();
  const second = await look();
  await server.close();
  return { ...first, again: second.firstRow, s3 };

  async function look() {
    const { page, close } = await openPage(browser, 'about:blank');
    const answers: Promise<{ readonly seconds: number; readonly bytes: number }>[] = [];
    page.on('requestfinished', (request) => {
      if (!request.url().includes('/api/v1/')) return;
      const seconds = request.timing().responseEnd / 1000;
      answers.push(request.sizes().then(({ responseBodySize: bytes }) => ({ seconds, bytes })));
    });
    // With the session of a token: the exchange of the token leads to the start, which is another screen.
    const [name = '', value = ''] = (await server.cookie()).split('=');
    await page.context().addCookies([{ name, value, url: server.origin }]);
    const started = performance.now();
    await page.goto(`${server.origin}/${hash}`);
    await page.locator(ROWS).first().waitFor({ timeout: PATIENCE_MS });
    const firstRow = significant((performance.now() - started) / 1000);
    const api = await Promise.all(answers);
    const longestFrame = Math.round(await page.evaluate(SCROLL));
    await close();
    return {
      firstRow,
      longestFrame,
      slowestApi: significant(Math.max(0, ...api.map(({ seconds }) => seconds))),
      apiBytes: api.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }
}

/** Scrolls what scrolls most, in twenty steps; the longest time between two pictures, ms. */
const SCROLL = `(async () => {
  const all = [document.documentElement, ...document.querySelectorAll('main *')];
  const scrolls = (one) => one.scrollHeight - one.clientHeight;
  const target = all.filter((one) => one === document.documentElement || /auto|scroll/.test(getComputedStyle(one).overflowY))
    .reduce((most, one) => (scrolls(one) > scrolls(most) ? one : most));
  let longest = 0;
  let last = performance.now();
  for (let step = 1; step <= 20; step++) {
    target.scrollTop = (scrolls(target) * step) / 20;
    const now = await new Promise(requestAnimationFrame);
    longest = Math.max(longest, now - last);
    last = now;
  }
  return longest;
})()`;
