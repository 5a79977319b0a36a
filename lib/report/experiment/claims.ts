import { type DefaultTaskId, PAPER_TASKS, PROBE_TASK, TASKS, WITHIN_MM } from '../../federation/tasks.ts';
import { own } from '../../own.ts';
import { seededRandom } from '../../random.ts';
import { estimateOverSeeds, type SeedEstimate, type SiteLists } from '../../scoring/bootstrap.ts';
import { mean, median } from '../../scoring/quantile.ts';
import { MODELS, rowOf } from './compared-models.ts';
import { type Group, isIn, LANDMARK_TASKS, labelledAt, type Score, scoresOf, shareOf } from './pooling.ts';
import type { SeedResult } from './seed-result.ts';

/** A claim about the method, and what the experiment says of it. */
export interface Claim {
  readonly text: string;
  readonly measure: string;
  readonly estimate: SeedEstimate;
  readonly verdict: Verdict;
}

/**
 * `missed`: the value contradicts the claim. `reached`: both intervals support it wholly, with at least
 * {@link FEWEST_SEEDS} seeds. `undecided`: anything else, also without a value.
 */
export type Verdict = 'reached' | 'missed' | 'undecided';

/** With fewer seeds, not even agreement of all of them is unlikely to be chance: 2 · 0.5⁵ > 0.05 (sign test). */
export const FEWEST_SEEDS = 6;

/** A claim before it is measured. */
interface Question {
  readonly text: string;
  readonly measure: string;
  /** One hospital's lists; the same number of them at every hospital. */
  readonly lists: (result: SeedResult, site: string) => SiteLists;
  /** Of the lists of one seed, pooled over its hospitals. */
  readonly statistic: (lists: SiteLists) => number | null;
  readonly holds: (value: number) => boolean;
}

/** All claims, each with its estimate over the seeds. A claim's text seeds its bootstrap. */
export const claimsOf = (results: readonly SeedResult[]): readonly Claim[] =>
  QUESTIONS.map(({ text, measure, lists, statistic, holds }) => {
    const seeds = results.map((result) => result.sites.map(({ id }) => lists(result, id)));
    const estimate = estimateOverSeeds(seeds, statistic, seededRandom('claims', text));
    return { text, measure, estimate, verdict: verdictOf(estimate, holds) };
  });

export function verdictOf(
  { value, seeds, byT, byBootstrap }: SeedEstimate,
  holds: (value: number) => boolean,
): Verdict {
  if (value === null) return 'undecided';
  if (!holds(value)) return 'missed';
  if (seeds < FEWEST_SEEDS || !byT || !byBootstrap) return 'undecided';
  return [byT.low, byT.high, byBootstrap.low, byBootstrap.high].every(holds) ? 'reached' : 'undecided';
}

/** Differences of two models case by case, first minus second, at a group's sites. */
const differences = (
  [first, second]: readonly [string, string],
  task: DefaultTaskId,
  measure: 'within6mm' | 'dice',
  group: Group,
  result: SeedResult,
  site: string,
): readonly (number | null)[] =>
  isIn(group, { trainedAt: labelledAt(result, task) }, { result, site })
    ? (own(result.comparisons, site) ?? [])
        .filter((one) => one.first === first && one.second === second && one.task === task)
        .flatMap((one) => one[measure] ?? [])
    : [];

const scoreAt = (model: string, task: DefaultTaskId, result: SeedResult, site: string): Score | undefined =>
  scoresOf(
    [{ result, site }],
    rowOf(() => model),
    task,
    'all',
  )[0];

const meanOf = (list: readonly (number | null)[] = []): number | null => mean(list.filter((value) => value !== null));

const measureOf = (task: DefaultTaskId) => (TASKS[task].kind === 'landmarks' ? 'within6mm' : 'dice');
const WHAT = { within6mm: `share of points within ${WITHIN_MM} mm`, dice: 'mean Dice' } as const;

/** The first model is better, or at least as good, case by case. */
function beats(
  text: string,
  pair: readonly [string, string],
  task: DefaultTaskId,
  { group = 'all', ties = false }: { readonly group?: Group; readonly ties?: boolean } = {},
): Question {
  const measure = measureOf(task);
  return {
    text,
    measure: `${WHAT[measure]}, difference`,
    lists: (result, site) => [differences(pair, task, measure, group, result, site)],
    statistic: ([list]) => meanOf(list),
    holds: (value) => (ties ? value >= 0 : value > 0),
  };
}

/**
 * The student has at least 0.9 of its teacher's figure: the teacher's mean and the mean difference, which is paired.
 * Their ratio follows from both.
 */
function nearTeacher(task: DefaultTaskId): Question {
  const measure = measureOf(task);
  const [student, teacher] = [MODELS.distilledSwin, MODELS.teacher(task)];
  return {
    text: `One student has at least 0.9 of the teacher's result: ${TASKS[task].title.toLowerCase()}.`,
    measure: `${WHAT[measure]}, student / teacher`,
    lists(result, site) {
      const score = scoreAt(teacher, task, result, site);
      const of = score?.errors ? Object.values(score.errors).flat().map(isNear) : (score?.dice ?? []);
      return [of, differences([student, teacher], task, measure, 'all', result, site)];
    },
    statistic([of, change]) {
      const [base, difference] = [meanOf(of), meanOf(change)];
      return base === null || difference === null || base === 0 ? null : (base + difference) / base;
    },
    holds: (value) => value >= 0.9,
  };
}

const isNear = (error: number | null): number => shareOf([error]) ?? 0;

const CALCIUM = 'calcification';

const diceOfCalcium: Question = {
  text: "The student's calcium reaches a Dice of 0.6 at the profile's spacing.",
  measure: 'median Dice',
  lists: (result, site) => [scoreAt(MODELS.distilledSwin, CALCIUM, result, site)?.dice ?? []],
  statistic: ([list = []]) => median(list.filter((value) => value !== null)),
  holds: (value) => value >= 0.6,
};

/** Sites send the predicted volumes of calcium-free cases sorted: the two models are not paired. */
const falseCalcium: Question = {
  text: 'Where there is no calcium, the student marks no more than the threshold.',
  measure: 'mean false volume, difference, mm³',
  lists: (result, site) =>
    [MODELS.distilledSwin, MODELS.threshold].map((model) => scoreAt(model, CALCIUM, result, site)?.falseVolumes ?? []),
  statistic([student, threshold]) {
    const [ours, theirs] = [meanOf(student), meanOf(threshold)];
    return ours === null || theirs === null ? null : ours - theirs;
  },
  holds: (value) => value <= 0,
};

const titleOf = (task: DefaultTaskId) => TASKS[task].title.toLowerCase();

const QUESTIONS: readonly Question[] = [
  ...LANDMARK_TASKS.map((task) =>
    beats(
      `At other sites, the distilled Swin UNETR is at least as good as the federated one: ${titleOf(task)}.`,
      [MODELS.distilledSwin, MODELS.federatedSwin],
      task,
      { group: 'other', ties: true },
    ),
  ),
  beats(
    `At other sites, it is at least as good as a federated Swin UNETR for this task alone: ${titleOf('membranous-septum')}.`,
    [MODELS.distilledSwin, MODELS.singleTaskSwin('membranous-septum')],
    'membranous-septum',
    { group: 'other', ties: true },
  ),
  ...PAPER_TASKS.map(nearTeacher),
  diceOfCalcium,
  ...PAPER_TASKS.map((task) =>
    beats(
      `The student beats labels alone with the teachers' steps added: ${titleOf(task)}.`,
      [MODELS.distilledSwin, MODELS.labelsOnlyLong],
      task,
    ),
  ),
  beats("The student's calcium beats the threshold's.", [MODELS.distilledSwin, MODELS.threshold], CALCIUM),
  beats("The student's calcium beats the hybrid's.", [MODELS.distilledSwin, MODELS.hybrid], CALCIUM),
  beats("The hybrid's calcium beats the threshold's.", [MODELS.hybrid, MODELS.threshold], CALCIUM),
  falseCalcium,
  beats(
    "A probe on the student's features beats one on the UNet's (coronary arteries).",
    [MODELS.probeSwin, MODELS.probeUnet],
    PROBE_TASK,
  ),
];
