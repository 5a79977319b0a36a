import type { Page } from 'playwright-core';
import { axeFindings, scrollsSideways } from './browser.ts';

/** Screens about one thing are visited once, whichever thing it is: a path with its ids replaced. */
export const shapeOf = (hash: string, ids: readonly string[]): string =>
  hash
    .replace(/\?.*$/s, '')
    .split('/')
    .map((part) => (ids.includes(decodeURIComponent(part)) || /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(part) ? '*' : part))
    .join('/');

/** Shows a screen, as a link to it does. */
export const goTo = (page: Page, hash: string): Promise<void> =>
  page.evaluate((to) => {
    (globalThis as unknown as { readonly location: { hash: string } }).location.hash = to;
  }, hash);

/** Shows a screen, and waits until it has read what it shows. */
export async function visit(page: Page, hash: string): Promise<void> {
  await goTo(page, hash);
  await page.locator('main :is(h1, .notice)').first().waitFor();
  await page.locator('main .loading').first().waitFor({ state: 'detached' });
  // A screen may begin to read when it is first rendered.
  await page.waitForTimeout(250);
  await page.locator('main .loading').first().waitFor({ state: 'detached' });
}

/** Visits every kind of screen that the navigation and the links on screens lead to, as addresses behind `#`. */
export async function everyScreen(
  page: Page,
  ids: readonly string[],
  onScreen: (hash: string) => Promise<void>,
): Promise<void> {
  await page.locator('nav a').first().waitFor();
  const found = new Set<string>();
  const open: string[] = [];
  const collect = async () => {
    const links = await page
      .locator('nav a, main a[href^="#/"]')
      .evaluateAll((all) =>
        all.map((one) => (one as unknown as { getAttribute(name: string): string }).getAttribute('href')),
      );
    for (const hash of links) {
      const shape = shapeOf(hash, ids);
      if (shape === '#/' || found.has(shape)) continue;
      found.add(shape);
      open.push(hash);
    }
  };
  await collect();
  for (let hash = open.shift(); hash !== undefined; hash = open.shift()) {
    await visit(page, hash);
    await collect();
    await onScreen(hash);
  }
}

/** What is wrong with the screen on show, a line each. */
export async function faultsOf(page: Page): Promise<readonly string[]> {
  const faults = [...(await axeFindings(page))];
  if (await scrollsSideways(page)) faults.push('is wider than the window');
  if ((await page.locator('main h1, main .notice').count()) === 0) faults.push('has no heading');
  return faults;
}
