import { FedcardioError } from '../../lib/error.ts';
import { areaUnderCurve, type Estimate, type RateAtRate, truePositiveRate } from '../../lib/privacy/attack-figures.ts';
import { likelihoodRatios } from '../../lib/privacy/likelihood-ratio.ts';
import { seededRandom } from '../../lib/random.ts';
import type { CaseSource } from '../../lib/training/cases.ts';
import { halves, type Imitated, lossesOf, trainShadow } from '../../lib/training/shadow-models.ts';
import type { Weights } from '../../lib/weights/weights.ts';

export interface MembershipResult {
  readonly members: number;
  readonly others: number;
  readonly shadows: number;
  /** With the shadow models' help. */
  readonly auc: Estimate;
  readonly at1: RateAtRate;
  readonly at10: RateAtRate;
  /** Of the loss alone, without shadow models (Yeom et al. 2018). */
  readonly byLoss: Estimate;
  readonly verdict: Verdict;
}

/** `undecided`: the interval of the area reaches from a guess to what would be a leak. */
export type Verdict = 'leaks' | 'undecided' | 'nothing found';

/** An area from which on an attack is called a leak. */
const LEAK = 0.6;
/** Fewest members, and others: with fewer, no figure means anything. */
const LEAST = 2;

/** Attacks a model with the site's training cases as members and its held-out cases as others. */
export async function attackMembership(
  imitated: Imitated,
  weights: Weights,
  cases: { readonly members: readonly CaseSource[]; readonly others: readonly CaseSource[] },
  {
    shadows,
    seed,
    onStep,
  }: { readonly shadows: number; readonly seed: number; readonly onStep: (shadow: number, step: number) => void },
): Promise<MembershipResult> {
  const { members, others } = cases;
  if (members.length < LEAST || others.length < LEAST) {
    throw new FedcardioError(
      'NO_DATA',
      `The site has ${members.length} labelled training and ${others.length} labelled held-out cases.`,
      {
        hint: `Membership needs ${LEAST} of each at least, and means little below 20.`,
      },
    );
  }
  const all = [...members, ...others];
  const drawn = halves(all.length, shadows, seed);
  const found: { readonly withCase: number[]; readonly without: number[] }[] = all.map(() => ({
    withCase: [],
    without: [],
  }));
  for (const [index, isIn] of drawn.entries()) {
    const own = all.filter((_, at) => isIn[at]);
    const trained = await trainShadow(imitated, own, seed + index, (step) => onStep(index, step));
    for (const [at, loss] of (await lossesOf(imitated, trained, all)).entries()) {
      found[at]?.[isIn[at] ? 'withCase' : 'without'].push(loss);
    }
  }
  const losses = await lossesOf(imitated, weights, all);
  const readable = all.map((_, at) => Number.isFinite(losses[at]));
  const ratios = likelihoodRatios(found, losses);
  const split = (scores: readonly number[]) => ({
    of: scores.filter((_, at) => at < members.length && readable[at]),
    not: scores.filter((_, at) => at >= members.length && readable[at]),
  });
  const lira = split(ratios);
  const plain = split(losses.map((loss) => -loss));
  const auc = areaUnderCurve(lira.of, lira.not, seededRandom('attack-auc', seed));
  return {
    members: lira.of.length,
    others: lira.not.length,
    shadows,
    auc,
    at1: truePositiveRate(lira.of, lira.not, 0.01),
    at10: truePositiveRate(lira.of, lira.not, 0.1),
    byLoss: areaUnderCurve(plain.of, plain.not, seededRandom('attack-loss', seed)),
    verdict: verdictOf(auc),
  };
}

/** Says nothing was found only if the interval excludes a leak, and a leak only if it excludes a guess. */
const verdictOf = ({ low, high }: Estimate): Verdict =>
  low > 0.5 ? 'leaks' : high < LEAK ? 'nothing found' : 'undecided';
