import { describe, expect, test } from 'vitest';
import { federationKeys } from '../../lib/federation/keys.ts';
import { createMemoryStorage } from '../../lib/storage/testing-objects.ts';
import {
  axeFindings,
  BROWSER,
  screenshot,
  scrollsSideways,
  WIDTHS,
  type Width,
  warnWithoutBrowser,
} from '../helpers/browser.ts';
import { browserSuite } from '../helpers/browser-suite.ts';
import { startTestPage } from '../helpers/page-server.ts';

warnWithoutBrowser();

describe.skipIf(BROWSER === undefined)('the campaigns', () => {
  const { open, keep } = browserSuite();

  async function withCampaign(id = 'tavi') {
    const openBucket = createMemoryStorage();
    const federation = openBucket('fedcardio-federation');
    const add = (campaign: string) => federation.put(federationKeys.campaign(campaign), '{}');
    await add(id);
    return { add, server: keep(await startTestPage({ openBucket })) };
  }

  test.each(Object.keys(WIDTHS) as Width[])('are shown without findings, %s', async (width) => {
    const { server } = await withCampaign();
    for (const scheme of ['light', 'dark'] as const) {
      const { page, faults } = await open(server.address(), { width, scheme });

      await page.getByRole('rowheader', { name: 'tavi' }).waitFor();

      expect(await axeFindings(page)).toEqual([]);
      expect(await scrollsSideways(page)).toBe(false);
      expect(faults).toEqual([]);
      expect(new URL(page.url()).search).toBe('');
      await screenshot(page, `campaigns-${width}-${scheme}`);
    }
  });

  test('appear while one looks, and a hostile name is only text', async () => {
    const { add, server } = await withCampaign();
    const { page, faults } = await open(server.address());
    await page.getByRole('rowheader', { name: 'tavi' }).waitFor();

    await add('<img src=x onerror=alert(1)>');

    await page.getByText('<img src=x onerror=alert(1)>').waitFor();
    expect(faults).toEqual([]);
  });

  test('are in German if the viewer wants it, also after a reload', async () => {
    const { server } = await withCampaign();
    const { page } = await open(server.address());

    await page.getByRole('combobox', { name: 'Language' }).selectOption('de');
    await page.reload();

    await page.getByRole('heading', { name: 'Kampagnen' }).waitFor();
    expect(await page.title()).toBe('Kampagnen · fedcardio');
  });

  test('say so when there are none, when the server is away, and when it is back', async () => {
    const server = keep(await startTestPage({ openBucket: createMemoryStorage() }));
    const { page } = await open(server.address());
    await page.getByText('No campaigns yet').waitFor();

    await page.context().setOffline(true);
    await page.getByRole('status').filter({ hasText: 'does not answer' }).waitFor();
    await page.context().setOffline(false);

    await page.getByRole('status').waitFor({ state: 'detached' });
    await page.getByText('No campaigns yet').waitFor();
  });

  test('are not shown to a site, nor to a browser with a used token', async () => {
    const openBucket = createMemoryStorage();
    const site = keep(await startTestPage({ openBucket, site: 'bonn' }));
    const { page } = await open(site.address());
    await page.getByText('Site of fedcardio').waitFor();
    expect(await page.getByRole('link', { name: 'Campaigns' }).count()).toBe(0);

    const locked = await open(`${site.origin}/?token=used`);

    await locked.page.getByRole('heading', { name: 'This page is locked' }).waitFor();
    expect(await axeFindings(locked.page)).toEqual([]);
  });
});
