import { FedcardioError } from '../error.ts';
import type { Aggregation, Campaign, DifferentialPrivacy, Privacy, Stage } from '../federation/schemas.ts';
import { epsilonOf, noiseFor } from '../privacy/accountant.ts';
import { updateNoise } from '../privacy/adaptive-clip.ts';
import { MAX_NOISE_MULTIPLIER } from '../privacy/round-noise.ts';

type LearningStage = Extract<Stage, { rounds: number }>;
const learningStages = ({ stages }: Campaign): readonly LearningStage[] => stages.filter((stage) => 'rounds' in stage);

/** Strategies that compute with the mean of all updates alone: what they do is post-processing of a noisy mean. */
const AVERAGING: readonly Aggregation['strategy'][] = ['fedavg', 'fedavgm', 'fedadam', 'fedyogi'];

/**
 * The privacy terms of a plan: the noise that ε asks for or the other way round, and what each stage divides by.
 *
 * @param sites the federation's sites; a stage that names none then divides by their number
 * @throws FedcardioError `BAD_CONFIGURATION` if a stage has something that ε does not hold with
 */
export function plannedPrivacy(campaign: Campaign, sites: readonly string[]): Privacy | undefined {
  const { privacy } = campaign;
  const asked = privacy?.differentialPrivacy;
  if (!asked) return privacy;
  const stages = learningStages(campaign);
  requireNone([
    ...noiseFaults(asked, privacy.secureAggregation !== undefined),
    ...(stages.length === 0 ? ['no stage trains, so that there is nothing to add noise to'] : []),
    ...Object.keys(asked.sites ?? {})
      .filter((name) => !stages.some((stage) => stage.name === name))
      .map((name) => `sites names "${name}", which is no stage that trains`),
    ...stages.flatMap((stage) => stageFaults(stage).map((fault) => `stage ${stage.name}: ${fault}`)),
  ]);
  const release = { rate: 1, count: releasesOf(campaign) };
  const noiseMultiplier = asked.noiseMultiplier ?? noiseFor({ ...release, ...asked, epsilon: asked.epsilon as number });
  const spent = epsilonOf([{ ...release, noise: noiseMultiplier }], asked.delta);
  const epsilon = asked.epsilon ?? spent;
  const divisors = stages.map(
    ({ name, sites: named }) => [name, asked.sites?.[name] ?? (named ?? sites).length] as const,
  );
  const ofUpdates = Math.max(
    ...divisors.map(([, divisor]) => noiseTerms({ ...asked, noiseMultiplier }, divisor).noiseMultiplier),
  );
  requireNone([
    ...(ofUpdates > MAX_NOISE_MULTIPLIER
      ? [
          `a noiseMultiplier of ${ofUpdates}${asked.adaptive ? ', beside the noisy count,' : ''} is more than ${MAX_NOISE_MULTIPLIER}`,
        ]
      : []),
    ...(spent > epsilon * (1 + 1e-9)
      ? [`a noiseMultiplier of ${noiseMultiplier} gives ε ${spent.toPrecision(3)}, more than the ${epsilon} asked for`]
      : []),
  ]);
  return {
    ...privacy,
    differentialPrivacy: { ...asked, noiseMultiplier, epsilon, sites: Object.fromEntries(divisors) },
  };
}

/**
 * Checks the terms of a plan that somebody else has made: a site agrees to its ε, which must follow from its noise.
 *
 * @throws FedcardioError `BAD_CONFIGURATION`
 */
export function requirePlannedNoise(campaign: Campaign): void {
  if (differentialPrivacyOf(campaign)) plannedPrivacy(campaign, []);
}

/**
 * The noise of the updates and, with adaptive clipping, that of the count: together they cost as much as the planned noise
 * alone. The paper's twentieth of the sites suits thousands of them; among a few the count would cost more than the updates.
 */
export function noiseTerms(
  { adaptive, noiseMultiplier }: Pick<PlannedDifferentialPrivacy, 'adaptive' | 'noiseMultiplier'>,
  sites: number,
) {
  if (!adaptive) return { noiseMultiplier };
  const countSigma = Math.max(sites / 20, noiseMultiplier);
  return { noiseMultiplier: rounded(updateNoise(noiseMultiplier, countSigma)), countSigma };
}

/** Rounded up to eight digits. Powers and logarithms differ in the last bit between engines, and others compare. */
export const rounded = (value: number): number => {
  const digit = 10 ** (Math.floor(Math.log10(value)) - 7);
  return Number((Math.ceil(value / digit) * digit).toPrecision(8));
};

/** The number of noisy sums that a campaign publishes: one for each round of a stage that trains. */
export const releasesOf = (campaign: Campaign): number =>
  learningStages(campaign).reduce((sum, { rounds }) => sum + rounds, 0);

/** The aggregation of a stage whose updates are private: no default limit that looks at other updates or at samples. */
export const privateAggregation = (aggregation: Aggregation): Aggregation =>
  ({ ...aggregation, clipFactor: null, shareFactor: null }) as Aggregation;

/** Why the noise cannot be added where the campaign wants it. */
function noiseFaults({ noise, adaptive }: DifferentialPrivacy, isSecure: boolean): readonly string[] {
  const faults: readonly (readonly [boolean, string])[] = [
    [isSecure && noise !== 'distributed', 'secureAggregation needs noise "distributed", which is under the masks'],
    [
      !isSecure && noise === 'distributed',
      'distributed noise needs secureAggregation: each update alone has a share of it only',
    ],
    [
      adaptive !== undefined && noise !== 'central',
      `adaptive clipping needs central noise: with ${noise} noise nobody may count which updates are clipped`,
    ],
  ];
  return faults.flatMap(([holds, fault]) => (holds ? [fault] : []));
}

/** What a stage has that ε would not hold with. */
function stageFaults({ aggregation, training, validate }: LearningStage): readonly string[] {
  const { strategy, clipNorm, clipFactor, untrained } = aggregation;
  const { shareFactor, lateFactor } = { shareFactor: undefined, lateFactor: undefined, ...aggregation };
  const faults: readonly (readonly [boolean, string])[] = [
    [
      !AVERAGING.includes(strategy),
      `${strategy} chooses among updates, and one site can change what it chooses; use ${AVERAGING.join(', ')}`,
    ],
    [clipNorm !== undefined, 'leave out clipNorm: differentialPrivacy.clip takes its place'],
    [typeof clipFactor === 'number', "clipFactor depends on the other sites' norms; differentialPrivacy.clip does not"],
    [typeof shareFactor === 'number', 'leave out shareFactor: every update has the same weight'],
    [lateFactor !== undefined, 'with lateFactor a round would add up two updates of one site'],
    [untrained === 'skip', 'untrained "skip" divides by a number that depends on the labels of the sites'],
    [validate !== undefined, 'validate chooses a model by losses that have no noise'],
    [training.algorithm?.name === 'scaffold', 'scaffold sends control variates, which would need noise of their own'],
  ];
  return faults.flatMap(([holds, fault]) => (holds ? [fault] : []));
}

function requireNone(faults: readonly string[]): void {
  if (faults.length === 0) return;
  throw new FedcardioError('BAD_CONFIGURATION', `Differential privacy: ${faults.join('; ')}.`, {
    hint: 'See docs/privacy.md.',
  });
}

/** The terms of differential privacy, with what a plan fills in. */
export interface PlannedDifferentialPrivacy extends DifferentialPrivacy {
  readonly epsilon: number;
  readonly noiseMultiplier: number;
  readonly sites: Readonly<Record<string, number>>;
}

/** The planned terms of a campaign; undefined without differential privacy. */
export function differentialPrivacyOf({ privacy }: Pick<Campaign, 'privacy'>): PlannedDifferentialPrivacy | undefined {
  const terms = privacy?.differentialPrivacy;
  if (!terms) return undefined;
  const { epsilon, noiseMultiplier, sites } = terms;
  if (epsilon !== undefined && noiseMultiplier !== undefined && sites)
    return { ...terms, epsilon, noiseMultiplier, sites };
  throw new FedcardioError('BAD_CONFIGURATION', 'The plan has no noise for its differential privacy.');
}
