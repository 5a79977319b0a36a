import { mapConcurrently } from '../async.ts';
import { isFedcardioError } from '../error.ts';
import { federationKeys, type RoundAddress } from '../federation/keys.ts';
import { mergedSchema, type Plan, planSchema, type Stage, stageReferences } from '../federation/schemas.ts';
import type { FederationStore } from '../storage/contract.ts';
import { tryReadJson } from '../storage/documents.ts';
import { learns, roundsOf } from './plan.ts';

/** The models of a stage that were built on an update, from the first round that may contain it. */
export interface LearntStage {
  readonly campaign: string;
  readonly stage: string;
  /** Rounds whose model is published, ascending, and the SHA-256 of each model. */
  readonly models: readonly { readonly round: number; readonly sha256: string }[];
}

const READS_AT_ONCE = 16;

/** Stages whose models or pseudo-labels a stage is built on. `after` only orders stages. */
export const foundationsOf = (stage: Stage): readonly string[] => {
  const { after: _, ...built } = stageReferences(stage);
  return [...new Set(Object.values(built).flat())];
};

/**
 * By stage, the first round whose model may contain what a round of some stages sent: later rounds build on earlier ones, and
 * stages on those that they name. Stages without a model pass on what they were built on.
 *
 * @param first the first round in question of each stage
 */
function reachOf(
  { campaign }: Pick<Plan, 'campaign'>,
  first: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const reach = new Map(first);
  // Stages name only earlier ones.
  for (const stage of campaign.stages) {
    if (foundationsOf(stage).some((name) => reach.has(name))) reach.set(stage.name, 1);
  }
  return reach;
}

/**
 * The models that were built on rounds that a case was trained in, as far as a site may know: it reads the plan and which model
 * each round published, and no commit. Costs one request for each campaign and one for each round in question.
 *
 * @param trained the rounds whose update learnt from the case
 */
export async function learntModels(
  federationStore: Pick<FederationStore, 'bucket' | 'tryGet'>,
  trained: readonly RoundAddress[],
): Promise<readonly LearntStage[]> {
  const campaigns = [...new Set(trained.map(({ campaign }) => campaign))].sort();
  const found: LearntStage[] = [];
  for (const campaign of campaigns) {
    const plan = (await tryReadJson(federationStore, federationKeys.plan(campaign), planSchema))?.value;
    if (!plan) continue;
    const first = new Map<string, number>();
    for (const { stage, round } of trained.filter((at) => at.campaign === campaign)) {
      first.set(stage, Math.min(round, first.get(stage) ?? round));
    }
    const reach = reachOf(plan, first);
    for (const stage of plan.campaign.stages.filter(learns)) {
      const from = reach.get(stage.name);
      if (from === undefined) continue;
      const rounds = Array.from({ length: roundsOf(stage) - from + 1 }, (_, index) => from + index);
      const models = await mapConcurrently(rounds, READS_AT_ONCE, (round) =>
        publishedModel(federationStore, { campaign, stage: stage.name, round }),
      );
      found.push({ campaign, stage: stage.name, models: models.filter((model) => model !== undefined) });
    }
  }
  return found;
}

/** The model that a round published; undefined if it has none, or none that this release can read. */
async function publishedModel(federationStore: Pick<FederationStore, 'bucket' | 'tryGet'>, at: RoundAddress) {
  try {
    const merged = (await tryReadJson(federationStore, federationKeys.merged(at), mergedSchema))?.value;
    return merged && { round: at.round, sha256: merged.global.sha256 };
  } catch (error) {
    if (isFedcardioError(error, 'BAD_MESSAGE')) return undefined;
    throw error;
  }
}
