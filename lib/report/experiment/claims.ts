import { type DefaultTaskId, PAPER_TASKS, PROBE_TASK, TASKS } from '../../federation/tasks.ts';
import { seededRandom } from '../../random.ts';
import { bootstrap, type Estimate } from '../../scoring/bootstrap.ts';
import { mean, quantile } from '../../scoring/quantile.ts';
import { MODELS, type Row, rowOf } from './compared-models.ts';
import { type Cluster, clustersOf, LANDMARK_TASKS, landmarkShare, medianOf, valuesOf } from './pooling.ts';
import type { SeedResult } from './seed-result.ts';

/** A claim about the method, and the experiment's result for it. */
export interface Claim {
  readonly text: string;
  readonly measure: string;
  readonly estimate: Estimate;
  /** Whether the value, and whether its whole interval, supports the claim. */
  readonly verdict: 'reached' | 'undecided: the interval includes the contrary' | 'missed' | 'not measured';
}

/**
 * The claims, each with the interval of a paired bootstrap over sites and seeds. A claim's text seeds its bootstrap.
 */
export function claimsOf(results: readonly SeedResult[]): readonly Claim[] {
  const clusters = clustersOf(results);
  const beatsFederated = [...LANDMARK_TASKS.map((task) => [task]), LANDMARK_TASKS].map((tasks) =>
    claim(
      `The distilled Swin UNETR beats the federated one on ${tasks.join(' and ')} at the other sites.`,
      'share of points within 6 mm, difference',
      clusters,
      (sample) =>
        difference(landmarkShare(sample, distilled, 'other', tasks), landmarkShare(sample, federated, 'other', tasks)),
      (value) => value > 0,
    ),
  );
  const withinTenPercent = PAPER_TASKS.map((task) => {
    const isDice = TASKS[task].kind === 'segmentation';
    return claim(
      `One student is within 10 % of the teacher of ${task}.`,
      isDice
        ? 'median Dice, student / teacher, at least 0.9'
        : 'median error, a missing point being the farthest, student / teacher, at most 1.1',
      clusters,
      (sample) => ratio(median(sample, distilled, task), median(sample, teacher, task)),
      (value) => (isDice ? value >= 0.9 : value <= 1.1),
    );
  });
  const probes = claim(
    "A probe on the student's features beats one on the UNet's (coronary arteries).",
    'mean Dice, difference',
    clusters,
    (sample) => difference(meanDice(sample, MODELS.probeSwin), meanDice(sample, MODELS.probeUnet)),
    (value) => value > 0,
  );
  return [...beatsFederated, ...withinTenPercent, probes];
}

function claim(
  text: string,
  measure: string,
  clusters: readonly Cluster[],
  statistic: (sample: readonly Cluster[]) => number | null,
  holds: (value: number) => boolean,
): Claim {
  const estimate = bootstrap(clusters, statistic, seededRandom('claims', text));
  return { text, measure, estimate, verdict: verdictOf(estimate, holds) };
}

function verdictOf({ value, low, high }: Estimate, holds: (value: number) => boolean): Claim['verdict'] {
  if (value === null || low === null || high === null) return 'not measured';
  if (!holds(value)) return 'missed';
  return holds(low) && holds(high) ? 'reached' : 'undecided: the interval includes the contrary';
}

const distilled = rowOf(() => MODELS.distilledSwin);
const federated = rowOf(() => MODELS.federatedSwin);
const teacher = rowOf(MODELS.teacher);

/** Median Dice, or median error of all points, a missing one being farther than any other. Null if half are missing. */
function median(sample: readonly Cluster[], row: Row, task: DefaultTaskId): number | null {
  const values = valuesOf(sample, row, task, 'all');
  if (TASKS[task].kind === 'segmentation') return medianOf(task, values);
  const value = quantile(
    values.map((error) => error ?? MISSING_MM),
    0.5,
  );
  return value !== null && value < MISSING_MM / 2 ? value : null;
}
const MISSING_MM = 1e9;
const meanDice = (sample: readonly Cluster[], model: string) =>
  mean(
    valuesOf(
      sample,
      rowOf(() => model),
      PROBE_TASK,
      'all',
    ).filter((value) => value !== null),
  );

const difference = (a: number | null, b: number | null) => (a === null || b === null ? null : a - b);
const ratio = (a: number | null, b: number | null) => (a === null || b === null || b === 0 ? null : a / b);
