import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { siteKeys } from '../../lib/federation/keys.ts';
import { image } from '../../lib/intake/testing.ts';
import { BROWSER, screenshot, warnWithoutBrowser } from '../helpers/browser.ts';
import { browserSuite } from '../helpers/browser-suite.ts';
import { hospitalPage } from '../helpers/hospital-page.ts';

warnWithoutBrowser();

const DICOM = join(import.meta.dirname, '../fixtures/dicom');

/** Drops files and folders of this machine on an element, as the browser does it for a person. */
async function drop(page: Page, selector: string, files: readonly string[]): Promise<void> {
  const target = page.locator(selector);
  await target.scrollIntoViewIfNeeded();
  const box = await target.boundingBox();
  if (!box) throw new Error(`${selector} is not shown.`);
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const session = await page.context().newCDPSession(page);
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    const data = { items: [], files: [...files], dragOperationsMask: 1 };
    await session.send('Input.dispatchDragEvent', { type, x, y, data });
  }
}

/** Says to the page whether its tab is hidden, as a browser does. */
const hide = (page: Page, isHidden: boolean): Promise<void> =>
  page.evaluate((hidden) => {
    const { document, Event } = globalThis as unknown as {
      readonly document: { dispatchEvent(event: object): void };
      readonly Event: new (name: string) => object;
    };
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
  }, isHidden);

describe.skipIf(BROWSER === undefined)('files and tabs of a hospital', { timeout: 180_000 }, () => {
  const { show } = browserSuite();
  let folder: string;
  let hospital: Awaited<ReturnType<typeof hospitalPage>>;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fedcardio-uploads-'));
    hospital = await hospitalPage(folder);
  });
  afterEach(async () => {
    await hospital.server.close();
    rmSync(folder, { recursive: true, force: true });
    expect(hospital.server.failures).toEqual([]);
  });

  test('a DICOM export becomes a case under a pseudonym, and what cannot is named', async () => {
    const given = join(folder, 'export');
    for (const series of ['explicit', 'tilt']) cpSync(join(DICOM, series), join(given, series), { recursive: true });
    const { page, faults } = await show(hospital.server, 'cases');

    await page.getByLabel('Choose a folder').setInputFiles(given);
    await page.getByText('1 of 1 case would be accepted.').waitFor();
    expect(await page.locator('main').innerText()).toMatch(/tilted/);
    await screenshot(page, 'hospital-dicom');
    await page.getByRole('button', { name: 'Upload 1 case' }).click();
    await page.getByText('The copy on this computer has been removed.').waitFor();

    const stored: string[] = [];
    for await (const { key } of hospital.site.store.list(siteKeys.ofEvent('cases/'))) stored.push(key);
    const added = stored.filter((key) => !/^cases\/p\d\//.test(key));
    expect(added).toEqual([expect.stringMatching(/^cases\/[^/]+\/image\.nii\.gz$/)]);
    expect(faults).toEqual([]);
  });

  test('a folder that is dropped is taken with the folders within it', async () => {
    mkdirSync(join(folder, 'CASES', 'p8'), { recursive: true });
    writeFileSync(join(folder, 'CASES', 'p8', 'image.nii.gz'), image(8));
    const { page, faults } = await show(hospital.server, 'cases');
    await page.locator('.drop').waitFor();

    await drop(page, '.drop', [join(folder, 'CASES')]);

    await page.getByText('1 of 1 case would be accepted.').waitFor();
    expect(faults).toEqual([]);
  });

  test('a CT that is dropped can be predicted with; a picture is refused with what would be taken', async () => {
    const [ct, picture] = [join(folder, 'patient.nii.gz'), join(folder, 'patient.png')];
    writeFileSync(ct, image(8));
    writeFileSync(picture, 'x');
    const { page, faults } = await show(hospital.server, 'predict');
    await page.locator('.drop').waitFor();

    await drop(page, '.drop', [picture, picture]);
    await page.getByRole('alert').waitFor();
    await drop(page, '.drop', [ct]);

    await page.locator('.chosen', { hasText: 'patient.nii.gz' }).waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    expect(faults).toEqual([]);
  });

  test('a hidden tab asks for nothing, and a visible one at once', async () => {
    const tabs = [];
    for (const screen of ['cases', 'predict', 'readiness']) {
      const { page } = await show(hospital.server, screen);
      const asked: string[] = [];
      page.on('request', (request) => asked.push(new URL(request.url()).pathname));
      await page.locator('main h1').waitFor();
      await hide(page, true);
      tabs.push({ screen, page, asked });
    }
    // What was asked before is answered.
    await sleep(1000);
    for (const { asked } of tabs) asked.length = 0;
    // Longer than any screen waits between two looks.
    await sleep(21_000);
    for (const { screen, asked } of tabs) expect(asked, screen).toEqual([]);

    for (const { screen, page, asked } of tabs) {
      await hide(page, false);
      await expect.poll(() => asked.length, { timeout: 5000, message: screen }).toBeGreaterThan(0);
    }
  });
});
