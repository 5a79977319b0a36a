import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { type OpenOptions, type OpenPage, openPage, startBrowser } from './browser.ts';
import { goTo } from './screens.ts';

interface Closable {
  close(): Promise<unknown>;
}

/** A browser for all tests of a suite. What a test opens is closed after it, the last first. */
export function browserSuite() {
  let browser: Browser;
  const ofTest: Closable[] = [];
  const ofSuite: Closable[] = [];
  const keepIn =
    (kept: Closable[]) =>
    <T extends Closable>(one: T): T => {
      kept.unshift(one);
      return one;
    };
  const keep = keepIn(ofTest);
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterEach(() => closeAll(ofTest));
  afterAll(async () => {
    await closeAll(ofSuite);
    await browser?.close();
  });

  const open = async (address: string, options?: OpenOptions): Promise<OpenPage> =>
    keep(await openPage(browser, address, options));
  return {
    open,
    /** Opens a page at one of its screens, an address behind `#/`. */
    async show(server: { address(): string }, screen: string, options?: OpenOptions): Promise<OpenPage> {
      const opened = await open(server.address(), options);
      await goTo(opened.page, `#/${screen}`);
      return opened;
    },
    /** Closes something after the test. */
    keep,
    /** Closes something after all tests. */
    keepForAll: keepIn(ofSuite),
  };
}

async function closeAll(kept: Closable[]): Promise<void> {
  for (const one of kept.splice(0)) await one.close();
}
