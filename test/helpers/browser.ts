import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/** Where Debian, Fedora, macOS and Chrome's own packages put a browser. Chromium without windows needs half of the processor time. */
const CANDIDATES = [
  process.env.FEDCARDIO_BROWSER,
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** A browser for the tests; undefined where none is installed. */
export const BROWSER = CANDIDATES.find((path) => path !== undefined && existsSync(path));

/** Said once, loudly: what is skipped is not checked. */
export function warnWithoutBrowser(): void {
  if (BROWSER !== undefined) return;
  console.warn(
    '\n*** No browser: the tests of the page in a browser are SKIPPED. `apt-get install chromium-headless-shell`, or FEDCARDIO_BROWSER. ***\n',
  );
}

/** With the limit, Chromium starts no renderer in reserve: half as many processes for a suite. */
export const startBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: BROWSER as string, args: ['--no-sandbox', '--renderer-process-limit=1'] });

/** Waits end at the latest then, ms. A machine that does other work, too, draws slowly. */
const PATIENCE_MS = 90_000;

/** The widths at which every screen is looked at. */
export const WIDTHS = { wide: 1280, narrow: 390 } as const;
export type Width = keyof typeof WIDTHS;

export interface OpenOptions {
  readonly width?: Width;
  readonly scheme?: 'light' | 'dark';
  readonly language?: string;
  readonly hasTouch?: boolean;
}

export interface OpenPage {
  readonly page: Page;
  /** Everything that the browser reported: errors of scripts, refused sources, requests to elsewhere. */
  readonly faults: readonly string[];
  close(): Promise<void>;
}

/** Opens an address in a browser profile of its own. */
export async function openPage(browser: Browser, address: string, options: OpenOptions = {}): Promise<OpenPage> {
  const { width = 'wide', scheme = 'light', language = 'en-GB', hasTouch = false } = options;
  const context: BrowserContext = await browser.newContext({
    viewport: { width: WIDTHS[width], height: 900 },
    colorScheme: scheme,
    locale: language,
    hasTouch,
    timezoneId: 'Europe/Berlin',
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const { origin } = new URL(address);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('request', (request) => {
    if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith('blob:'))
      faults.push(`asks ${request.url()}`);
  });
  await page.goto(address);
  // The address with the token leads to the one without it.
  await page.locator('meta[http-equiv=refresh]').waitFor({ state: 'detached' });
  return { page, faults, close: () => context.close() };
}

/** What axe finds wrong, one line each. */
export async function axeFindings(page: Page): Promise<readonly string[]> {
  // Evaluated by the debugger: the page's policy allows no script but its own.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { readonly axe: typeof axe }).axe.run({ resultTypes: ['violations'] }),
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target}: ${failureSummary}`),
  );
}

/** Whether a screen is wider than its window, so that it scrolls sideways as a whole. */
export const scrollsSideways = (page: Page): Promise<boolean> =>
  page.evaluate(() => {
    const { documentElement: root } = (
      globalThis as unknown as {
        readonly document: { readonly documentElement: { readonly scrollWidth: number; readonly clientWidth: number } };
      }
    ).document;
    return root.scrollWidth > root.clientWidth;
  });

/** Keeps a picture in the folder that FEDCARDIO_SCREENSHOTS names, to be looked at; nothing without it. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = process.env.FEDCARDIO_SCREENSHOTS;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
