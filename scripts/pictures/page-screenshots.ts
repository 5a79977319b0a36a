/**
 * The screenshots of README.md, docs/page.md and the tutorial, with a browser: not a part of `npm run docs`.
 *
 *     npm run demo -- --keep --port 4566
 *     node --import tsx scripts/pictures/page-screenshots.ts http://127.0.0.1:4566 heidelberg
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import { openPage, startBrowser } from '../../test/helpers/browser.ts';
import { startTestPage } from '../../test/helpers/page-server.ts';
import { visit } from '../../test/helpers/screens.ts';

const FOLDER = 'docs/pictures';

const [endpoint = 'http://127.0.0.1:4566', site = 'heidelberg'] = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), 'fedcardio-page-'));
const options = { openBucket: createObjectStorage({ endpoint }), endpoint, work };
const browser = await startBrowser();
mkdirSync(FOLDER, { recursive: true });

/** Opens a page, shows a screen, and keeps what the window shows. */
async function shoot(name: string, ofSite: string | undefined, show: (page: Page) => Promise<void>): Promise<void> {
  const server = await startTestPage({ ...options, ...(ofSite !== undefined && { site: ofSite }) });
  const { page, close } = await openPage(browser, server.address());
  await page.locator('nav a').first().waitFor();
  await show(page);
  await page.screenshot({ path: join(FOLDER, `page-${name}.png`) });
  await close();
  await server.close();
}

/** The address of the first campaign in the list. */
async function firstCampaign(page: Page): Promise<string> {
  await visit(page, '#/campaigns');
  return (await page.locator('tbody a').first().getAttribute('href')) ?? '';
}

await shoot('campaigns', undefined, (page) => visit(page, '#/campaigns'));
await shoot('chain', undefined, async (page) => visit(page, `${await firstCampaign(page)}/chain`));
await shoot('operations', undefined, (page) => visit(page, '#/operations'));
for (const screen of ['decide', 'sent', 'readiness', 'predict'])
  await shoot(screen, site, (page) => visit(page, `#/${screen}`));
await shoot('campaign', undefined, async (page) => visit(page, await firstCampaign(page)));
await shoot('results', undefined, async (page) => visit(page, `${await firstCampaign(page)}/results`));
await shoot('cases', site, (page) => visit(page, '#/cases'));
await shoot('case', site, async (page) => {
  await visit(page, '#/cases');
  await visit(page, (await page.locator('tbody a').first().getAttribute('href')) ?? '');
  // The viewer draws with the processor where there is no GPU.
  await page.waitForTimeout(8000);
});
await browser.close();
rmSync(work, { recursive: true });
