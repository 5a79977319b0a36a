import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verdictHtml, verdictRows } from '../../cli/site/verdict-rows.ts';
import {
  axeFindings,
  BROWSER,
  screenshot,
  scrollsSideways,
  startBrowser,
  WIDTHS,
  type Width,
  warnWithoutBrowser,
} from '../helpers/browser.ts';

warnWithoutBrowser();

const FAULT = {
  file: `held-out/${'patient-with-a-long-name-'.repeat(4)}/labels/membranous-septum.nii.gz`,
  code: 'BAD_LABEL',
  reason: 'It is a PNG picture.',
  hint: 'Export the segmentation as NIfTI: File, Export, .nii.gz.',
};

describe.skipIf(BROWSER === undefined)('the report of an upload', { timeout: 60_000 }, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  test.each(Object.keys(WIDTHS) as Width[])('is accessible and fits its window, %s', async (width) => {
    const page = await browser.newPage({ viewport: { width: WIDTHS[width], height: 900 } });
    const rows = verdictRows([], [{ case: 'p1', accepted: false, faults: [FAULT, FAULT], warnings: [] }]);

    await page.setContent(verdictHtml('berlin', '2026-03-02T09:31:02.000Z', rows));

    expect(await axeFindings(page)).toEqual([]);
    expect(await scrollsSideways(page)).toBe(false);
    expect(await page.getByRole('cell').count()).toBeGreaterThan(0);
    await screenshot(page, `upload-report-${width}`);
    await page.close();
  });
});
