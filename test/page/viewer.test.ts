import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_TASKS } from '../../lib/federation/tasks.ts';
import { affineOf } from '../../lib/imaging/affine.ts';
import { writeNifti } from '../../lib/imaging/nifti-write.ts';
import { hingeMap, image, POINTS } from '../../lib/intake/testing.ts';
import { createMemoryStorage } from '../../lib/storage/testing-objects.ts';
import type { PredictionResult, ResultTask } from '../../page/api/predict/result.ts';
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
import { savePrediction } from '../helpers/saved-prediction.ts';

warnWithoutBrowser();

const [SMALL, LARGE] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];
/** A prediction of another page. */
const OTHERS = '33333333-3333-4333-8333-333333333333';
const SITE = { federation: 'fedcardio', site: 'bonn' };
const DRAWN_MS = 120_000;
/** Without a graphics card the browser draws a large CT for minutes: only if asked for, see CONTRIBUTING.md. */
const FULL_SIZE = process.env.FEDCARDIO_FULL_SIZE !== undefined;
const FULL_SIZE_MS = 600_000;
/** As large as a CT of a hospital. */
const SHAPE = [512, 512, 300] as const;

const HINGES = DEFAULT_TASKS[0];
const titles = HINGES?.classTitles ?? [];
const TASK: ResultTask = {
  ...{ task: 'hinge-points', title: 'Hinge points and coronary ostia', kind: 'landmarks', confidence: 0.31 },
  ...{ doubts: ['confidence: 0.31 of at least 0.5'], map: 'patient-hinge-points.nii.gz' },
  classes: titles.map((title, index) => ({ label: index + 1, title })),
  // The last point was not found.
  figures: titles.map((title, index) => ({
    ...{ title, cuts: [] },
    ...(index < titles.length - 1 && { position: [...(POINTS[index]?.position ?? [])] }),
  })),
};
const RESULT: Omit<PredictionResult, 'files'> = {
  ...{ backend: 'generated', origin: 'generated', trainedOnPhantoms: true, failed: [] },
  cts: [
    {
      ...{ name: 'patient', ct: 'patient.nii.gz', tasks: [TASK] },
      measurements: [
        {
          ...{ id: 'annulus-diameter', title: 'Annulus diameter', unit: 'mm', value: 51.2 },
          doubts: ['confidence: 0.31 of at least 0.5', '51.2 mm of 15 to 40'],
        },
        {
          ...{ id: 'coronary-height-left', title: 'Height of the left coronary ostium', unit: 'mm', value: null },
          ...{ reason: 'not found: ostium-left', doubts: [] },
        },
      ],
    },
  ],
};

/** A CT of a hospital's size: a bright cylinder in a darker one, in gzip as dcm2niix writes it. */
function largeCt(): Uint8Array {
  const [width, height, depth] = SHAPE;
  const slice = new Int16Array(width * height);
  for (let index = 0; index < slice.length; index++) {
    const radius = Math.hypot((index % width) - width / 2, Math.floor(index / width) - height / 2);
    slice[index] = radius < 60 ? 350 : radius < 200 ? 40 : -1000;
  }
  const data = new Int16Array(width * height * depth);
  for (let z = 0; z < depth; z++) data.set(slice, z * slice.length);
  const spacing = affineOf([
    [-0.5, 0, 0, 128],
    [0, -0.5, 0, 128],
    [0, 0, 0.5, -75],
  ]);
  return writeNifti({ shape: SHAPE, affine: spacing, data });
}

describe.skipIf(BROWSER === undefined)('the viewer of CTs', { timeout: 2 * DRAWN_MS }, () => {
  const { show, keepForAll } = browserSuite();
  let work: string;
  let server: Awaited<ReturnType<typeof startTestPage>>;
  beforeAll(async () => {
    work = mkdtempSync(join(tmpdir(), 'fedcardio-viewer-'));
    const files = { 'patient.nii.gz': image(1), [TASK.map]: hingeMap() };
    savePrediction(work, { ...SITE, id: SMALL as string }, RESULT, files);
    savePrediction(work, { ...SITE, id: OTHERS }, RESULT, {}, { phase: 'running', pid: process.ppid });
    const plain = { ...RESULT, cts: [{ name: 'patient', ct: 'patient.nii.gz', measurements: [], tasks: [] }] };
    if (FULL_SIZE) savePrediction(work, { ...SITE, id: LARGE as string }, plain, { 'patient.nii.gz': largeCt() });
    server = keepForAll(await startTestPage({ openBucket: createMemoryStorage(), site: 'bonn', work }));
  }, 240_000);
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  /** Where the crosshair is, once the CT is drawn. */
  async function placeOn(page: Page, timeout = DRAWN_MS): Promise<string> {
    await page.getByText(/ HU$/).waitFor({ timeout });
    return (await page.locator('.picture-place').textContent()) ?? '';
  }

  test.each(Object.keys(WIDTHS) as Width[])('shows what a model found on the CT itself, %s', async (width) => {
    const { page, faults } = await show(server, `predict/${SMALL}`, {
      width,
      scheme: width === 'wide' ? 'light' : 'dark',
    });
    const before = await placeOn(page);

    await page.getByRole('button', { name: titles[1] ?? '', exact: true }).click();

    expect(await placeOn(page)).not.toBe(before);
    expect(await page.getByRole('checkbox', { name: /Hinge points/ }).isChecked()).toBe(true);
    expect(
      await page
        .locator('.points')
        .getByText(`${titles.at(-1)}: not found`)
        .count(),
    ).toBe(1);
    expect(await page.getByText(/^[\d.]+ mm$/).count()).toBe(1);
    expect(await axeFindings(page)).toEqual([]);
    expect(await scrollsSideways(page)).toBe(false);
    await screenshot(page, `prediction-${width}`);
    expect(faults).toEqual([]);
  });

  test('shows why a prediction is not cancelled', async () => {
    const { page } = await show(server, 'predict');

    await page.getByRole('button', { name: 'Cancel' }).click();

    const refusal = page.getByRole('alert').filter({ hasText: 'Another process works on this prediction.' });
    await refusal.getByText(`process ${process.ppid}`).waitFor();
  });

  test('says in German what was measured, and why it is doubtful', async () => {
    const { page } = await show(server, `predict/${SMALL}`, { language: 'de-DE' });

    const table = page.getByRole('table', { name: 'Messungen' });
    await table.waitFor();

    expect(await table.getByRole('rowheader').allTextContents()).toEqual([
      'Durchmesser des Anulus',
      'Höhe des linken Koronarostiums',
    ]);
    const text = await page.locator('main').innerText();
    expect(text).toContain('Konfidenz: 0.31 von mindestens 0.5; 51.2 mm, erwartet 15 bis 40');
    expect(text).toContain('nicht gefunden: ostium-left');
  });

  test('moves with a finger', async () => {
    const { page, faults } = await show(server, `predict/${SMALL}`, { hasTouch: true, width: 'narrow' });
    const before = await placeOn(page);
    const canvas = page.locator('.picture canvas');
    await canvas.scrollIntoViewIfNeeded();
    const box = await canvas.boundingBox();
    if (!box) throw new Error('The canvas is not shown.');

    const touch = await page.context().newCDPSession(page);
    const at = (x: number, y: number) => [{ x: box.x + x * box.width, y: box.y + y * box.height }];
    await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(0.25, 0.25) });
    for (const x of [0.23, 0.21, 0.19]) {
      await page.waitForTimeout(50);
      await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at(x, 0.22) });
    }
    await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });

    await page.locator('.picture-place').filter({ hasNotText: before }).waitFor();
    expect(faults).toEqual([]);
  });

  test.runIf(FULL_SIZE)('opens a CT of the size that hospitals have', { timeout: FULL_SIZE_MS }, async () => {
    const { page, faults } = await show(server, `predict/${LARGE}`);

    expect(await placeOn(page, FULL_SIZE_MS)).toMatch(/ 350 HU$/);
    await page.getByRole('combobox', { name: 'Window' }).selectOption('all');
    await screenshot(page, 'prediction-large');

    expect(await page.getByRole('combobox', { name: 'Window' }).locator('option:checked').textContent()).toBe(
      'All values (-1000 to 350 HU)',
    );
    expect(faults).toEqual([]);
  });
});
