import type { DefaultTaskId } from '../../federation/tasks.ts';
import { MODELS } from './compared-models.ts';
import { type SeedResult, seedResultSchema } from './seed-result.ts';

/** Made-up results for tests of the experiment's page. */

/** Ulm and Kiel have labels of every task, Bonn and Jena of none, Oslo no training cases at all. */
export const SITES = ['ulm', 'kiel', 'bonn', 'jena'];
export const EXTERNAL = 'oslo';
const labelled = (site: string) =>
  site === 'ulm' || site === 'kiel' ? { 'hinge-points': 2, 'membranous-septum': 1, calcification: 1 } : {};

export type Errors = (model: string, task: DefaultTaskId, site: string) => readonly (number | null)[];

export const TASK_IDS = ['hinge-points', 'membranous-septum', 'calcification'] as const;

const SCORED = [
  ...['ulm', 'kiel'].flatMap((site) => [
    MODELS.localSwin(site),
    ...TASK_IDS.map((task) => MODELS.localUnet(site, task)),
  ]),
  ...TASK_IDS.map(MODELS.teacher),
  MODELS.federatedSwin,
  MODELS.distilledUnet,
  MODELS.distilledSwin,
  MODELS.softSwin,
  MODELS.probeSwin,
  MODELS.probeUnet,
];

type Score = SeedResult['scores'][string][number];
type Comparison = SeedResult['comparisons'][string][number];

/** What a test adds to the results at a site, or puts in the place of a score of the same model and task. */
export interface More {
  readonly sites?: readonly string[];
  readonly scores?: (site: string) => readonly Score[];
  readonly comparisons?: (site: string) => readonly Comparison[];
}

/** A result of an earlier release, without optional figures, in which every model has the given errors or Dice. */
export function resultOf(
  seed: number,
  of: Errors,
  { sites = SITES, scores = () => [], comparisons = () => [] }: More = {},
): SeedResult {
  const score = (model: string, task: DefaultTaskId, site: string): Score =>
    task === 'calcification' || task === 'coronary-arteries'
      ? { model, task, dice: [...of(model, task, site)] }
      : { model, task, errors: { point: [...of(model, task, site)] } };
  const scoresAt = (site: string) =>
    SCORED.flatMap((model) =>
      model.startsWith('probe')
        ? [score(model, 'coronary-arteries', site)]
        : TASK_IDS.map((task) => score(model, task, site)),
    );
  return seedResultSchema.parse({
    schema: 'fedcardio.experiment/1',
    profile: 'small',
    seed,
    commit: 'abc1234',
    createdAt: '2026-01-01T00:00:00Z',
    backend: 'native',
    wallSeconds: 61,
    peakRssMB: 1500,
    sites: sites.map((id) => ({
      id,
      name: id,
      training: id === EXTERNAL ? 0 : 3,
      evaluation: 2,
      labelled: labelled(id),
    })),
    stages: [
      { name: MODELS.distilledSwin, kind: 'student', participants: SITES, losses: [1, 0.2, -0.9], seconds: 9 },
      { name: MODELS.federatedSwin, kind: 'control', participants: SITES, losses: [1, 0.5, -0.5], seconds: 9 },
    ],
    pseudoLabels: {
      'pseudo-label': { unlabelled: { 'hinge-points': 8 }, accepted: { 'hinge-points': 7 } },
    },
    scores: Object.fromEntries(sites.map((site) => [site, withInstead(scoresAt(site), scores(site))])),
    comparisons: Object.fromEntries(sites.map((site) => [site, comparisons(site)])),
  });
}

/** The scores, those of the same model and task being replaced. */
const withInstead = (scores: readonly Score[], instead: readonly Score[]): readonly Score[] => [
  ...scores.filter(({ model, task }) => !instead.some((other) => other.model === model && other.task === task)),
  ...instead,
];

/** Errors that identify the site: 1 at labelled sites, 10 elsewhere. */
export const byPlace: Errors = (_, __, site) => (site === 'ulm' || site === 'kiel' ? [1, 1] : [10, null]);
