import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FedcardioError } from '../../lib/error.ts';
import { federationKeys, siteKeys } from '../../lib/federation/keys.ts';
import { consentSchema } from '../../lib/federation/schemas.ts';
import { readJson, tryReadJson } from '../../lib/storage/documents.ts';
import { storesOf, wrapBuckets } from '../../lib/storage/stores.ts';
import { axeFindings, BROWSER, openPage, screenshot, startBrowser, warnWithoutBrowser } from '../helpers/browser.ts';
import { CAMPAIGN, hospitalPage } from '../helpers/hospital-page.ts';

warnWithoutBrowser();

describe.skipIf(BROWSER === undefined)('a hospital decides on its page', { timeout: 120_000 }, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  test('agrees with limits, then withdraws, and repeats what the coordinator was not told', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fedcardio-consent-'));
    let isAway = false;
    const { server, openBucket } = await hospitalPage(folder, (open) =>
      wrapBuckets(open, (store) => ({
        ...store,
        put: async (key, ...object) => {
          if (isAway && key.startsWith('sites/')) throw new FedcardioError('STORAGE', 'Access denied (403).');
          return store.put(key, ...object);
        },
      })),
    );
    const { federationStore, siteStore } = storesOf(openBucket, 'tavi');
    const { page, close } = await openPage(browser, server.address());
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.goto(`${server.origin}/#/decide`);
    await page.getByText('waits for you').waitFor();

    await page.getByRole('button', { name: 'Agree' }).click();
    const dialog = page.getByRole('dialog');
    const by = dialog.getByLabel(/Who decides \(required/);
    const fewest = dialog.getByLabel(/Fewest cases/);
    await dialog.getByLabel('Scores').selectOption('none');
    await fewest.fill('');
    await fewest.pressSequentially('2000');
    await fewest.press('Enter');
    await dialog.getByText('Write the name or the office').waitFor();
    await dialog.getByText('Write a whole number from 1 to 1,000.').waitFor();
    expect(await by.evaluate((input) => input.matches(':focus'))).toBe(true);
    expect(await fewest.inputValue()).toBe('2000');
    expect(await axeFindings(page)).toEqual([]);
    await screenshot(page, 'consent');
    await by.fill('Data protection office');
    await fewest.fill('12');
    expect(await dialog.locator('.field-fault').count()).toBe(0);
    await fewest.press('Enter');

    await page.getByText('Figures leave if they are about at least 12 cases.').waitFor();
    const focused = page.locator(':focus');
    await focused.getByText('agreed').waitFor();
    const own = await readJson(siteStore('berlin'), siteKeys.consent(CAMPAIGN), consentSchema);
    expect(own.value).toMatchObject({
      state: 'agreed',
      by: 'Data protection office',
      limits: { scores: 'none', minimumCases: 12 },
    });
    // The site's own document is written first, and the page may already show it.
    const copy = () => tryReadJson(federationStore, federationKeys.consent('berlin', CAMPAIGN), consentSchema);
    await expect.poll(async () => (await copy())?.sha256).toBe(own.sha256);

    isAway = true;
    await page.getByRole('button', { name: 'Withdraw the consent' }).click();
    await dialog.getByLabel(/Who decides/).fill('Data protection office');
    await dialog.getByRole('button', { name: 'Withdraw the consent' }).click();
    await page.locator('.badge', { hasText: 'withdrawn' }).waitFor();
    const after = await readJson(siteStore('berlin'), siteKeys.consent(CAMPAIGN), consentSchema);
    expect(after.value.state).toBe('withdrawn');

    // The refusal is in the dialog, which keeps what was typed, also after it was closed.
    const alert = page.getByRole('alert');
    await alert.getByText(/has recorded its answer \(withdrawn\), but could not tell the coordinator/).waitFor();
    expect((await copy())?.value.state).toBe('agreed');
    expect(await dialog.getByRole('alert').count()).toBe(1);
    await dialog.getByRole('button', { name: 'Do not change anything' }).click();
    await page.getByRole('button', { name: 'Try again' }).click();
    expect(await dialog.getByLabel(/Who decides/).inputValue()).toBe('Data protection office');
    isAway = false;
    await dialog.getByRole('button', { name: 'Withdraw the consent' }).click();
    await alert.waitFor({ state: 'detached' });
    expect((await copy())?.value.state).toBe('withdrawn');

    await close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
    expect(server.failures).toEqual([]);
  });
});
