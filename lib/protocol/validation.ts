import { weightsOf } from '../aggregation/shares.ts';
import { roundOf } from '../federation/keys.ts';
import type { Commit, Open, Seal, Stage, StoredFile, Update } from '../federation/schemas.ts';
import { learns, roundsOf, trains } from './plan.ts';

/**
 * Validation of a stage's models (docs/decisions, "Sites validate the model that they receive"): in every round, each site
 * scores the model that the round starts from on its validation cases, before it trains. The stage's last round trains
 * nothing: it scores the last model, and publishes the model that is kept. All functions here are pure, of the plan, the
 * previous commit and the seal.
 */

/** What validation has found up to a round. */
export type Validation = NonNullable<Commit['validation']>;

/** From this number of reports on, the smallest and the largest are left out, so that one site cannot choose the model. */
const TRIM_FROM = 3;
/** Largest share of a site, as a multiple of the share that it would have if all sites counted alike. */
const SHARE_FACTOR = 3;

/**
 * The loss over the sites' validation cases: the mean of the sites' losses, weighted with their cases. Among three sites or more
 * the smallest and the largest loss are left out, and no site has more than three times an equal share.
 *
 * @returns undefined if no site has reported a loss
 */
export function pooledLoss(updates: Seal['updates']): NonNullable<Validation['scored']>['loss'] | undefined {
  const reports = updates.flatMap(({ validation }) => validation ?? []).sort((a, b) => a.loss - b.loss);
  const counted = reports.length < TRIM_FROM ? reports : reports.slice(1, -1);
  if (counted.length === 0) return undefined;
  const weights = weightsOf(
    counted.map(({ cases }) => cases),
    SHARE_FACTOR,
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return counted.reduce((sum, { loss }, index) => sum + ((weights[index] as number) / total) * loss, 0);
}

/** What an update says of the model that its round started from; undefined if nothing was asked. */
export const reportOf = (
  { config, base }: Pick<Open, 'config' | 'base'>,
  { validation }: Pick<Extract<Update, { status: 'ok' }>, 'validation'>,
) => (learns(config) && config.validate && base ? validation : undefined);

/** What validation has found after a round; undefined if its stage does not validate, or in the stage's first round. */
export function validationAfter(open: Open, updates: Seal['updates']): Validation | undefined {
  const { config, base } = open;
  if (!learns(config) || !config.validate || !base) return undefined;
  const { minDelta, patience } = config.validate;
  const { best: before = null, stale = 0 } = open.validation ?? {};
  const loss = pooledLoss(updates);
  if (loss === undefined) return { scored: null, best: before, stale, stops: false };
  const round = roundOf(base.key)?.round ?? open.round - 1;
  const reports = updates.flatMap(({ validation }) => validation ?? []);
  const scored = { round, loss, cases: reports.reduce((sum, { cases }) => sum + cases, 0), sites: reports.length };
  if (before === null || loss < before.loss - minDelta) {
    return { scored, best: { round, loss, global: fileOf(base) }, stale: 0, stops: false };
  }
  const stops = patience !== undefined && stale + 1 >= patience && trains(config, open.round);
  return { scored, best: before, stale: stale + 1, stops };
}

/**
 * The model that a stage leaves, which its last round publishes: the best one that was scored or, with `keep: "last"` or if
 * no site has scored any, the one that the round starts from.
 */
export function keptModel(open: Open, updates: Seal['updates']): StoredFile | null {
  const best = learns(open.config) && open.config.validate?.keep === 'best' && validationAfter(open, updates)?.best;
  return best ? best.global : open.base && fileOf(open.base);
}

/** The round that follows a commit: the next one, or the stage's last one if it stops early. */
export const roundAfter = (stage: Stage, { round, validation }: Pick<Commit, 'round' | 'validation'>): number =>
  validation?.stops ? roundsOf(stage) : round + 1;

const fileOf = ({ key, sha256, bytes }: StoredFile): StoredFile => ({ key, sha256, bytes });
