import { expect, test } from 'vitest';
import { TASKS } from '../federation/tasks.ts';
import type { Vec3, Volume } from '../imaging/volume.ts';
import { measure } from '../scoring/measurements.ts';
import type { PredictedTask } from './prediction-figures.ts';
import { type PredictionPage, predictionPage } from './prediction-page.ts';

const grid = {
  shape: [12, 10, 8] as const,
  affine: [
    [-4, 0, 0, 20],
    [0, -4, 0, 20],
    [0, 0, 4, -16],
    [0, 0, 0, 1],
  ] as const,
};
const image: Volume = { ...grid, data: new Int16Array(12 * 10 * 8).fill(50) };
const mask = (...voxels: readonly number[]): Volume => {
  const data = new Uint8Array(12 * 10 * 8);
  for (const at of voxels) data[at] = 1;
  return { ...grid, data };
};
const septum = (end: Vec3 | null, doubts: readonly string[] = []): PredictedTask => ({
  task: TASKS['membranous-septum'],
  classMap: mask(),
  landmarks: { 'septum-start': [1, 2, 3], 'septum-end': end },
  confidence: 0.71,
  doubts,
});
const calcium = (...voxels: readonly number[]): PredictedTask => ({
  task: TASKS.calcification,
  classMap: mask(...voxels),
  volumeMm3: voxels.length * 64,
  confidence: 0.9,
  doubts: [],
});
const pageOf = (predicted: readonly PredictedTask[], more: Partial<PredictionPage> = {}) =>
  predictionPage({
    ct: 'p1.nii.gz',
    image,
    predicted,
    measured: measure(predicted),
    provenance: [['model', 'SHA-256 abc']],
    purpose: 'for research only, not a medical device',
    ...more,
  });
const count = (text: string, part: RegExp) => [...text.matchAll(part)].length;

test('has three cuts through each point and each structure, with measurements and provenance', () => {
  const page = pageOf([septum([1, 2, 11]), calcium(400, 401, 520)]);

  expect(count(page, /<svg class="cut"/g)).toBe(9);
  for (const cut of ['axial', 'coronal', 'sagittal'])
    expect(page).toContain(`aria-label="${cut} cut through septum start"`);
  expect(count(page, /class="contour predicted" d="M/g)).toBe(3);
  expect(page).toMatch(/Length of the membranous septum<\/th><td class="number">8\.0\u00a0mm</);
  expect(page).toMatch(/Calcification, volume<\/th><td class="number">192\.0\u00a0mm³</);
  expect(page).toContain('SHA-256 abc');
  expect(page).toContain('For research only, not a medical device.');
});

test('says what was not found and what is implausible', () => {
  const page = pageOf([septum(null, ['confidence: 0.31 of at least 0.5']), calcium()]);

  expect(page).toMatch(/septum end<\/b> <span class="bad">not found/);
  expect(page).toMatch(/not measured<\/td><td class="bad">not found: septum-end</);
  expect(page).toContain('Unsure or implausible: confidence: 0.31 of at least 0.5.');
  expect(page).toContain('Nothing was found: no voxel is calcium.');
  expect(count(page, /<svg class="cut"/g)).toBe(3);
});

test('a point outside of the CT has black cuts, not an error', () => {
  expect(count(pageOf([septum([900, 0, 0])]), /<svg class="cut"/g)).toBe(6);
});

test('loads nothing, and escapes names', () => {
  const page = pageOf([septum([1, 2, 11])], { ct: '<script>alert(1)</script>.nii' });

  expect(page).not.toMatch(/<script|<link|https?:/);
  expect(page).toContain('&lt;script&gt;');
});
