import { describe, expect, test } from 'vitest';
import { agreementDrawing, calciumTable } from './calcium.ts';
import { MODELS, PAPER_ROWS } from './compared-models.ts';
import { calibrationDrawing, calibrationTable } from './confidence.ts';
import { lossDrawing, siteDrawing } from './drawings.ts';
import { clustersOf, medianOf, medianWithMissing, shareOf, valuesOf } from './pooling.ts';
import { resultsPage } from './results-page.ts';
import { byPlace, EXTERNAL, type More, resultOf, SITES } from './testing.ts';

const row = (title: string) => PAPER_ROWS.find((candidate) => candidate.title.includes(title))!;
const bins = (confident: number, correct: number) =>
  Array.from({ length: 10 }, (_, index) =>
    index === 9 ? { count: confident, confidence: 0.95 * confident, correct } : { count: 0, confidence: 0, correct: 0 },
  );
const compared: More['comparisons'] = () => [
  {
    first: MODELS.distilledSwin,
    second: MODELS.federatedSwin,
    task: 'hinge-points',
    within6mm: [0.25, 0.25],
    error: [-1, null],
  },
];
/** A threshold's figures at every site: one case with calcium, one without and with false calcium. */
const thresholds: More['scores'] = () => [
  {
    model: MODELS.threshold,
    task: 'calcification',
    dice: [0, 0.8],
    volumes: { truth: [0, 100], prediction: [10, 120] },
    volumeErrors: [10, 20],
    volumeErrorByTruth: 2000,
    falseVolumes: [10],
    calibration: bins(4, 2),
    withoutAnnulus: 1,
  },
];

describe('figures of an experiment', () => {
  const clusters = clustersOf([resultOf(1, byPlace), resultOf(2, byPlace)]);

  test('of a federated model are separate for sites with labels of the task and for the others', () => {
    const values = (group: 'training' | 'other' | 'all') =>
      valuesOf(clusters, row('federated Swin'), 'hinge-points', group);
    expect(values('training')).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    expect(values('other')).toEqual([10, null, 10, null, 10, null, 10, null]);
    expect(values('all')).toHaveLength(16);
    expect(medianOf('hinge-points', values('other'))).toBe(10);
    expect(shareOf(values('all'))).toBe(0.5);
  });

  test('of one-site models are given at their own site and at all others', () => {
    const values = (group: 'training' | 'other') => valuesOf(clusters, row('UNet, one'), 'calcification', group);
    // Two models, each at one site with two cases, of two seeds.
    expect(values('training')).toHaveLength(2 * 2 * 2);
    expect(values('other')).toHaveLength(2 * 3 * 2 * 2);
    expect(values('other').filter((value) => value === 1)).toHaveLength(2 * 1 * 2 * 2);
  });

  test('of external sites are a group of their own', () => {
    const with_ = clustersOf([resultOf(1, byPlace, { sites: [...SITES, EXTERNAL] })]);
    const values = (group: 'other' | 'external') => valuesOf(with_, row('federated Swin'), 'hinge-points', group);

    expect([values('other').length, values('external')]).toEqual([4, [10, null]]);
  });

  test('count a missing point as the farthest beside the median of the found ones', () => {
    expect(medianWithMissing([1, 2, null])).toBe(2);
    expect(medianWithMissing([1, null])).toBe(Number.POSITIVE_INFINITY);
    expect(medianWithMissing([1, 3, 5, null])).toBe(4);
    expect(medianWithMissing([null])).toBe(Number.POSITIVE_INFINITY);
    expect(medianWithMissing([])).toBeNull();
  });
});

describe('calcium', () => {
  test('has agreement of volumes, false calcium, and cases in which a threshold found no annulus', () => {
    const table = calciumTable([resultOf(1, byPlace, { scores: thresholds })]);

    // Four sites; errors of 10 and 20 mm³, a total of 130 for 100 mm³.
    expect(table).toMatch(
      /\| threshold at the predicted annulus \| 8 \| 0\.40 \/ 0\.40 \| 1\.30 \| 15 \(5 to 25\) \| 0\.10 \| 4 of 4, 10\.0, 10\.0 \| 4 \|/,
    );
    expect(calciumTable([resultOf(1, byPlace)])).toBe('No volumes were sent.');
  });
});

describe('confidence', () => {
  test('is pooled over the sites, and its error is the distance from the share of correct predictions', () => {
    const table = calibrationTable([resultOf(1, byPlace, { scores: thresholds })]);

    expect(table).toMatch(
      /\| threshold at the predicted annulus \| Calcification \| 16 \| 95\s% \| 50\s% \| 0\.450 \|/,
    );
    expect(calibrationTable([resultOf(1, byPlace)])).toBe('No confidences were sent.');
  });
});

describe('the page', () => {
  const more = { comparisons: compared, scores: thresholds };
  const results = [resultOf(1, byPlace, more), resultOf(2, byPlace, more)];

  test('has a row for each model, as training sites / other sites, and the command that created it', () => {
    const page = resultsPage(results, 'npm run experiment -- --seeds 1,2');
    expect(page).toContain('`npm run experiment -- --seeds 1,2`');
    expect(page).toContain('**The sample size is 2**');
    expect(page).toContain('| federated Swin UNETR | 1.00 / 10.00 | 1.00 / 10.00 | 1.00 / 10.00 |');
    expect(page).toContain('| federated Swin UNETR | 1.00 / none | 1.00 / none |');
    expect(page).toMatch(/distilled Swin UNETR\*\* \| 100\u00a0% \/ 0\u00a0%/);
    for (const network of ['UNet', 'Swin UNETR']) {
      expect(page).toContain(`| ulm alone, ${network} | 100\u00a0% | 100\u00a0% | 0\u00a0% | 0\u00a0% |`);
      expect(page).toContain(`| ulm alone, ${network} | 1.00 | 1.00 | 10.00 | 10.00 |`);
    }
    expect(page).not.toContain('bonn alone');
    expect(page).toContain('| share within 6 mm | 0.250 | 0.250 to 0.250 | 0.250 to 0.250 | 16 / 0 / 0 |');
    expect(page).toContain(
      '| error of points that both found, mm | -1.000 | -1.000 to -1.000 | -1.000 to -1.000 | 0 / 0 / 8 |',
    );
    expect(page).toContain('hinge points and coronary ostia 14 of 16');
    expect(
      page
        .split('\n')
        .filter((line) => line.startsWith('| '))
        .every((line) => line.endsWith('|')),
    ).toBe(true);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  test('prints the ceiling of the masks if it is known', () => {
    const [first, ...others] = results;
    const known = [{ ...first!, ceiling: { spacing: 2, dice: 0.85, volume: 0.98 } }, ...others];

    expect(resultsPage(known, '')).toContain(
      'Ceiling at 2 mm: a network without any error reaches a median Dice of 0.85 for calcium, and 0.98 of its volume.',
    );
    expect(resultsPage(results, '')).not.toContain('Ceiling');
  });

  test('has a third figure for external sites', () => {
    const page = resultsPage([resultOf(1, byPlace, { ...more, sites: [...SITES, EXTERNAL] })], '');

    expect(page).toContain('5 hospitals, 1 of them external');
    expect(page).toContain(
      '| federated Swin UNETR | 1.00 / 10.00 / 10.00 | 1.00 / 10.00 / 10.00 | 1.00 / 10.00 / 10.00 |',
    );
    expect(page).toContain('oslo (external)');
  });

  test('draws every curve, every hospital, every error of volume and every confidence', () => {
    const losses = lossDrawing(results);
    expect(losses.match(/<polyline/g)).toHaveLength(4);
    // A panel for each model, which says what its loss is of.
    const panels = losses.match(/loss on /g) ?? [];
    expect(panels.length).toBeGreaterThan(1);
    expect(losses.match(/>round</g)).toHaveLength(panels.length);
    const drawing = siteDrawing(results);
    for (const site of SITES) expect(drawing).toContain(`<title>${site}, `);
    // A model has one colour in all drawings.
    const colour = /stroke="(#[0-9a-f]{6})"[^>]*><title>distilled-swin, seed/.exec(losses)?.[1];
    expect(drawing).toMatch(new RegExp(`fill="${colour}"/><text[^>]*>distilled Swin UNETR<`));
    const [volumes, confidences] = [agreementDrawing(results), calibrationDrawing(results)];
    expect(volumes.match(/<circle/g)).toHaveLength(2 * 4 * 2);
    expect(volumes).toContain('bias 15 mm³');
    for (const svg of [lossDrawing(results), drawing, volumes, confidences]) {
      expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
      expect(svg).not.toMatch(/NaN|undefined/);
    }
    for (const empty of [agreementDrawing([]), calibrationDrawing([])]) expect(empty).not.toMatch(/NaN|undefined/);
  });
});
