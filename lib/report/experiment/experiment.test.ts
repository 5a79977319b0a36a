import { describe, expect, test } from 'vitest';
import type { DefaultTaskId } from '../../federation/tasks.ts';
import { claimsOf } from './claims.ts';
import { MODELS, PAPER_ROWS } from './compared-models.ts';
import { lossDrawing, siteDrawing } from './drawings.ts';
import { clustersOf, medianOf, shareOf, valuesOf } from './pooling.ts';
import { resultsPage } from './results-page.ts';
import { type SeedResult, seedResultSchema } from './seed-result.ts';

const SITES = ['ulm', 'kiel', 'bonn', 'jena'];
/** Ulm and Kiel have labels of every task, Bonn and Jena of none. */
const labelled = (site: string) =>
  site === 'ulm' || site === 'kiel' ? { 'hinge-points': 2, 'membranous-septum': 1, calcification: 1 } : {};

type Errors = (model: string, task: DefaultTaskId, site: string) => readonly (number | null)[];

/** A result in which every model has the given errors or Dice. */
function resultOf(seed: number, of: Errors): SeedResult {
  const local = ['ulm', 'kiel'].flatMap((site) => [
    MODELS.localSwin(site),
    ...(['hinge-points', 'membranous-septum', 'calcification'] as const).map((task) => MODELS.localUnet(site, task)),
  ]);
  const teachers = (['hinge-points', 'membranous-septum', 'calcification'] as const).map(MODELS.teacher);
  const models = [
    ...local,
    ...teachers,
    MODELS.federatedSwin,
    MODELS.distilledUnet,
    MODELS.distilledSwin,
    MODELS.softSwin,
    MODELS.unfilteredSwin,
    MODELS.probeSwin,
    MODELS.probeUnet,
  ];
  const score = (model: string, task: DefaultTaskId, site: string) =>
    task === 'calcification' || task === 'coronary-arteries'
      ? { model, task, dice: [...of(model, task, site)] }
      : { model, task, errors: { point: [...of(model, task, site)] } };
  return seedResultSchema.parse({
    schema: 'fedcardio.experiment/1',
    profile: 'small',
    seed,
    commit: 'abc1234',
    createdAt: '2026-01-01T00:00:00Z',
    backend: 'native',
    wallSeconds: 61,
    peakRssMB: 1500,
    sites: SITES.map((id) => ({ id, name: id, training: 3, evaluation: 2, labelled: labelled(id) })),
    stages: [
      { name: MODELS.distilledSwin, kind: 'student', participants: SITES, losses: [1, 0.2, -0.9], seconds: 9 },
      { name: MODELS.federatedSwin, kind: 'control', participants: SITES, losses: [1, 0.5, -0.5], seconds: 9 },
    ],
    pseudoLabels: {
      'pseudo-label': { unlabelled: { 'hinge-points': 8 }, accepted: { 'hinge-points': 7 } },
    },
    scores: Object.fromEntries(
      SITES.map((site) => [
        site,
        models.flatMap((model) =>
          model.startsWith('probe')
            ? [score(model, 'coronary-arteries', site)]
            : (['hinge-points', 'membranous-septum', 'calcification'] as const).map((task) => score(model, task, site)),
        ),
      ]),
    ),
    comparisons: Object.fromEntries(
      SITES.map((site) => [
        site,
        [
          {
            first: MODELS.distilledSwin,
            second: MODELS.federatedSwin,
            task: 'hinge-points',
            within6mm: [0.25, 0.25],
            error: [-1, null],
          },
        ],
      ]),
    ),
  });
}

/** Errors that identify the site: 1 at labelled sites, 10 elsewhere. */
const byPlace: Errors = (_, __, site) => (site === 'ulm' || site === 'kiel' ? [1, 1] : [10, null]);
const row = (title: string) => PAPER_ROWS.find((candidate) => candidate.title.includes(title))!;

describe('figures of an experiment', () => {
  const results = [resultOf(1, byPlace), resultOf(2, byPlace)];
  const clusters = clustersOf(results);

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
});

describe('claims', () => {
  const better: Errors = (model, task, site) => {
    const jitter = SITES.indexOf(site) / 100;
    if (task === 'calcification') return [0.5 + jitter, 0.5];
    if (task === 'coronary-arteries') return [model === MODELS.probeSwin ? 0.4 + jitter : 0.3];
    return model === MODELS.federatedSwin ? [9 + jitter, null] : [2 + jitter, 2];
  };
  const verdicts = (of: Errors) => claimsOf([resultOf(1, of), resultOf(2, of)]).map(({ verdict }) => verdict);

  test('are reached if the student is better at every site', () => {
    expect(verdicts(better)).toEqual(Array(7).fill('reached'));
  });

  test('are missed if it is not, also for a student with a better median that finds fewer points', () => {
    const worse: Errors = (model, task, site) => {
      if (task === 'calcification') return model === MODELS.distilledSwin ? [0.2] : [0.5];
      if (task === 'coronary-arteries') return model === MODELS.probeSwin ? [0.1] : [0.3];
      if (model === MODELS.distilledSwin) return [1.9, 1.9, 9, null, null];
      return better(MODELS.distilledSwin, task, site);
    };
    expect(verdicts(worse)).toEqual(Array(7).fill('missed'));
  });

  test('are undecided if the sites disagree so much that it may be chance', () => {
    const mixed: Errors = (model, task, site) =>
      model === MODELS.probeSwin && task === 'coronary-arteries'
        ? [site === 'ulm' ? 0.9 : 0.28]
        : better(model, task, site);
    expect(verdicts(mixed).at(-1)).toBe('undecided: the interval includes the contrary');
  });

  test('are not measured without scores', () => {
    expect(verdicts(() => [])).toEqual(Array(7).fill('not measured'));
  });
});

describe('the page', () => {
  const results = [resultOf(1, byPlace), resultOf(2, byPlace)];

  test('has a row for each model, as training sites / other sites, and the command that created it', () => {
    const page = resultsPage(results, 'npm run experiment -- --seeds 1,2');
    expect(page).toContain('`npm run experiment -- --seeds 1,2`');
    expect(page).toContain('| federated Swin UNETR | 1.00 / 10.00 | 1.00 / 10.00 | 1.00 / 10.00 |');
    expect(page).toMatch(/distilled Swin UNETR\*\* \| 100\u00a0% \/ 0\u00a0%/);
    for (const network of ['UNet', 'Swin UNETR']) {
      expect(page).toContain(`| ulm alone, ${network} | 100\u00a0% | 100\u00a0% | 0\u00a0% | 0\u00a0% |`);
      expect(page).toContain(`| ulm alone, ${network} | 1.00 | 1.00 | 10.00 | 10.00 |`);
    }
    expect(page).not.toContain('bonn alone');
    expect(page).toContain('| share within 6 mm | 0.250 (0.250 to 0.250) | 16 / 0 / 0 |');
    expect(page).toContain('| error of points that both found, mm | -1.000 (-1.000 to -1.000) | 0 / 0 / 8 |');
    expect(page).toContain('hinge points and coronary ostia 14 of 16');
    expect(
      page
        .split('\n')
        .filter((line) => line.startsWith('| '))
        .every((line) => line.endsWith('|')),
    ).toBe(true);
  });

  test('draws every curve and every hospital', () => {
    expect(lossDrawing(results).match(/<polyline/g)).toHaveLength(4);
    const drawing = siteDrawing(results);
    for (const site of SITES) expect(drawing).toContain(`<title>${site}, `);
    for (const svg of [lossDrawing(results), drawing]) {
      expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
      expect(svg).not.toMatch(/NaN|undefined/);
    }
  });
});
