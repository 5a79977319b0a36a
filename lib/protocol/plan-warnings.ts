import { strategyOf } from '../aggregation/strategies/strategies.ts';
import type { Strategy } from '../aggregation/strategies/strategy.ts';
import type { Campaign } from '../federation/schemas.ts';
import { groupBy } from '../group-by.ts';
import { isFor, type LearningStage, learns } from './plan.ts';
import { mostRounds } from './secure/most-rounds.ts';
import { type SecureTerms, thresholdOf } from './secure/terms.ts';

/** Fewest updates among which one can be found to be too large: the median of two norms may be the malicious one's. */
const CLIPS_FROM = 3;

/**
 * Why a campaign's stages cannot tolerate one malicious site, or as many that leave as secure aggregation allows; one sentence or
 * two for each reason. A stage of one site has nobody to protect.
 *
 * @param campaign with the defaults of its plan
 * @param sites the federation's sites
 */
export function planWarnings(campaign: Campaign, sites: readonly string[]): readonly string[] {
  const secure = campaign.privacy?.secureAggregation;
  const isPrivate = campaign.privacy?.differentialPrivacy !== undefined;
  const found = campaign.stages.filter(learns).flatMap((stage) => {
    const asked = sites.filter((site) => isFor(stage, site)).length;
    return asked < 2
      ? []
      : (secure ? [UNSEEN, ...tooManyRounds(stage, asked, secure)] : warningsOf(stage, asked, isPrivate)).map(
          (text) => ({ text, stage: stage.name }),
        );
  });
  return [...groupBy(found, ({ text }) => text)].map(([text, of]) => {
    return `${of.map(({ stage }) => stage).join(', ')}: ${text}`;
  });
}

const UNSEEN =
  'with secure aggregation nobody can check a single update: one malicious site can move the model anywhere.';

function tooManyRounds({ rounds }: LearningStage, asked: number, secure: SecureTerms): readonly string[] {
  const threshold = thresholdOf(secure, asked);
  const most = mostRounds(asked, threshold);
  if (rounds <= most) return [];
  return [
    `with ${asked} sites, secure aggregation is planned for at most ${most} rounds of a stage: beyond, a round that ${asked - threshold} sites leave ends the campaign, because their keys do not fit into a document. Split the stage, or raise the threshold.`,
  ];
}

/** @param isPrivate every update is clipped to a fixed norm and has the same weight */
function warningsOf(stage: LearningStage, asked: number, isPrivate: boolean): readonly string[] {
  const { aggregation, quorum } = stage;
  const { strategy: name } = aggregation;
  const strategy = strategyOf(aggregation);
  const impossible = strategy.impossible?.(asked);
  if (impossible !== undefined) return [`every round will fail. ${impossible}`];
  if (asked < CLIPS_FROM) return ['with two sites, no strategy can tell which one is malicious.'];

  const clips = isPrivate || typeof aggregation.clipFactor === 'number';
  const fewest = fewestTolerant(strategy, clips, asked);
  if (fewest === undefined) {
    const why = `${name} cannot tolerate one malicious site among ${asked}: its update can move the model anywhere.`;
    return [`${why} ${remedyOf(stage)}`];
  }
  const warnings = [];
  if (!isPrivate && 'shareFactor' in aggregation && (aggregation.shareFactor ?? asked) >= asked) {
    const remedy = aggregation.shareFactor === null ? 'Leave shareFactor at its default' : 'Lower shareFactor';
    warnings.push(
      `nothing limits the number of cases that one of ${asked} sites claims, and ${name} weights updates with it: one site can decide the direction of every round. ${remedy}, or use median or trimmed-mean.`,
    );
  }
  const mergeable = smallest(asked, (updates) => strategy.impossible?.(updates) === undefined) ?? asked;
  const needed = Math.max(quorum.minSites, mergeable);
  if (needed < fewest) {
    warnings.push(
      `at its deadline a round may close with ${needed} of ${asked} updates, and ${name} needs ${fewest} to tolerate one malicious site. Set quorum.minSites to ${fewest} or more.`,
    );
  }
  if (needed >= asked) {
    warnings.push(
      `one site that sends no usable update fails the campaign: a round needs ${needed} of ${asked}. Lower ${mergeable < needed ? 'quorum.minSites' : 'byzantine'}, or add sites.`,
    );
  }
  return warnings;
}

/** The smallest number of updates, at most `most`, of which one may be malicious; undefined if there is none. */
const fewestTolerant = (strategy: Strategy, clips: boolean, most: number): number | undefined =>
  smallest(most, (updates) => strategy.tolerates(updates) > 0 || (clips && updates >= CLIPS_FROM));

const smallest = (most: number, holds: (updates: number) => boolean): number | undefined =>
  Array.from({ length: most }, (_, i) => i + 1).find(holds);

function remedyOf({ aggregation }: LearningStage): string {
  if ('byzantine' in aggregation) return 'Set byzantine to 1 or more.';
  if ('minTrimmed' in aggregation) return 'Leave minTrimmed and clipFactor at their defaults.';
  return aggregation.clipNorm === undefined
    ? 'Leave clipFactor at its default, or use median.'
    : "clipNorm does not apply to a stage's first round: leave clipFactor at its default too.";
}
