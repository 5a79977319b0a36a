import { FedcardioError } from '../lib/error.ts';
import { federationKeys } from '../lib/federation/keys.ts';
import { readJson } from '../lib/federation/protocol/documents.ts';
import { learns, stageOf } from '../lib/federation/protocol/plan.ts';
import { commitSchema, planSchema, type StudentStage, type TeacherStage } from '../lib/federation/schemas.ts';
import type { TaskId } from '../lib/federation/tasks.ts';
import { createNetwork, type Network } from '../lib/models/network.ts';
import type { Objects } from '../lib/storage/contract.ts';
import type { Preparation } from '../lib/training/cases.ts';
import { loadSiteModel } from '../lib/training/local-parameters.ts';
import { decodeSafetensors } from '../lib/weights/safetensors.ts';
import { readLocalParameters } from './checkpoints.ts';
import type { SiteData } from './site-data.ts';

type LearningStage = TeacherStage | StudentStage;

/** Heads of a stage's network. */
export const tasksOf = (stage: LearningStage): readonly TaskId[] =>
  stage.kind === 'teacher' ? [stage.task] : stage.tasks;

export interface StageModel extends Preparation {
  readonly network: Network;
  readonly tasks: readonly TaskId[];
  /** Side of the inference windows in voxels. */
  readonly patch: number;
  /** Of the global model, which the site's own parameters may complete. */
  readonly sha256: string;
}

/**
 * Runs `use` with the final model of a finished stage, and frees its memory. Parameters that stay at the site
 * (`localParameters`) are those of its last round in the stage; a site that never trained it has the first weights of
 * the campaign's seed there.
 */
export async function withStageModel<T>(
  objects: Objects,
  { federationBucket: bucket, data }: { readonly federationBucket: string; readonly data: SiteData },
  campaign: string,
  stageName: string,
  use: (model: StageModel) => Promise<T>,
): Promise<T> {
  const plan = (await readJson(objects, bucket, federationKeys.plan(campaign), planSchema)).value;
  const stage = stageOf(plan, stageName);
  if (!learns(stage)) {
    throw new FedcardioError('BAD_CONFIGURATION', `Stage ${stageName} of campaign ${campaign} trains no model.`);
  }
  const at = { campaign, stage: stageName, round: stage.rounds };
  const { global } = (await readJson(objects, bucket, federationKeys.commit(at), commitSchema)).value;
  if (!global) throw new FedcardioError('BAD_WEIGHTS', `The last commit of ${stageName} names no model.`);
  const { patch, spacing, heartCrop, localParameters } = stage.training;
  const network = createNetwork(stage.model, tasksOf(stage), plan.campaign.seed);
  try {
    const weights = decodeSafetensors((await objects.get(bucket, global.key)).body);
    const local = localParameters.length > 0 ? await readLocalParameters(objects, data.bucket, at) : undefined;
    loadSiteModel(network, localParameters, weights, local);
    return await use({ network, tasks: tasksOf(stage), patch, spacing, heartCrop, sha256: global.sha256 });
  } finally {
    network.dispose();
  }
}
