import { FedcardioError, isFedcardioError } from '../lib/error.ts';
import { federationKeys, type RoundAddress, roundOf } from '../lib/federation/keys.ts';
import {
  type CatalogEntry,
  commitSchema,
  type ModelConfig,
  mergedSchema,
  type Plan,
  planSchema,
  type StoredFile,
} from '../lib/federation/schemas.ts';
import type { Task } from '../lib/federation/tasks.ts';
import { ensembleHash } from '../lib/models/ensemble.ts';
import { initialWeights } from '../lib/models/initial-weights.ts';
import { createNetwork, type Network } from '../lib/models/network.ts';
import type { TrainedModel } from '../lib/models/package.ts';
import { type LearningStage, learns, modelOf, roundsOf, stageOf, tasksOf } from '../lib/protocol/plan.ts';
import type { FederationStore } from '../lib/storage/contract.ts';
import { readJson } from '../lib/storage/documents.ts';
import type { Member } from '../lib/training/averaged-planes.ts';
import { type Preparation, preparationOf } from '../lib/training/cases.ts';
import { bodyOf, loadSiteModel } from '../lib/training/local-parameters.ts';
import type { Weights } from '../lib/weights/weights.ts';
import type { SiteData } from './site-data.ts';
import { readLocalParameters } from './site-state.ts';
import { readWeights } from './stored-weights.ts';

interface StageModel extends Preparation {
  readonly network: Network;
  readonly tasks: readonly Task[];
  /** Side of the inference windows in voxels. */
  readonly patch: number;
  /** Hash of the global model, without the site's local parameters. */
  readonly sha256: string;
}

/**
 * Runs `use` with the final model of a finished stage, and frees its memory. Local parameters (`localParameters`) are
 * those of the site's last round up to the one that trained the model, or the initial weights of the campaign's seed if the site never trained
 * it. A probe's model is the probed body with the probe's heads.
 */
async function withStageModel<T>(
  federationStore: FederationStore,
  data: SiteData,
  plan: Plan,
  stageName: string,
  use: (model: StageModel) => Promise<T>,
): Promise<T> {
  const published = mergedOf(federationStore);
  const { stage, trainedIn, model, weights, sha256 } = await finalModel(federationStore, plan, stageName, published);
  const { patch, localParameters } = stage.training;
  const tasks = tasksOf(plan, stage);
  const network = createNetwork(model, tasks, plan.campaign.seed);
  try {
    const local = localParameters.length > 0 ? await readLocalParameters(data.store, trainedIn) : undefined;
    loadSiteModel(network, localParameters, weights, local);
    return await use({ network, tasks, patch, ...preparationOf(stage.training), sha256 });
  } finally {
    network.dispose();
  }
}

/** A stage's model, or the models of several stages whose class probabilities are averaged. */
export interface StageEnsemble {
  readonly members: readonly StageModel[];
  readonly tasks: readonly Task[];
  /** {@link ensembleHash} of the members. */
  readonly sha256: string;
}

/** Like {@link withStageModel}, for a stage or an ensemble of stages. All of their networks are in memory. */
export function withStageModels<T>(
  federationStore: FederationStore,
  data: SiteData,
  plan: Plan,
  stages: string | readonly string[],
  use: (models: StageEnsemble) => Promise<T>,
): Promise<T> {
  const open = ([next, ...later]: readonly string[], members: readonly StageModel[]): Promise<T> => {
    if (next !== undefined) {
      return withStageModel(federationStore, data, plan, next, (model) => open(later, [...members, model]));
    }
    const tasks = members[0]?.tasks ?? [];
    return use({ members, tasks, sha256: ensembleHash(members) });
  };
  return open([stages].flat(), []);
}

/** The networks of an ensemble, each with a case as it is prepared for it. */
export async function preparedFor(
  data: SiteData,
  entry: CatalogEntry,
  { members }: StageEnsemble,
): Promise<readonly Member[]> {
  const prepared: Member[] = [];
  for (const { network, patch, ...how } of members) {
    prepared.push({ network, patch, image: await data.prepared(entry, how) });
  }
  return prepared;
}

/** The network that a stage trains: from its seed or from `init`; for a probe, new heads on a trained body. */
export async function networkOf(
  federationStore: FederationStore,
  plan: Plan,
  stage: LearningStage,
): Promise<{ readonly model: ModelConfig; readonly body?: Weights; readonly init?: Weights }> {
  if (stage.kind !== 'probe') {
    if (stage.init === undefined) return { model: stage.model };
    return { model: stage.model, init: await readInit(federationStore, plan.campaign.id, stage.init) };
  }
  const { model, weights } = await finalModel(federationStore, plan, stage.of, mergedOf(federationStore));
  return { model, body: weights };
}

async function readInit(federationStore: FederationStore, campaign: string, sha256: string): Promise<Weights> {
  const key = federationKeys.init(campaign, sha256);
  const hint = 'Store the weights with `npx fedcardio import`, and start the campaign under a new id.';
  try {
    return await readWeights(federationStore, { key, sha256 }, hint);
  } catch (cause) {
    if (!isFedcardioError(cause, 'NOT_FOUND')) throw cause;
    throw new FedcardioError('BAD_CONFIGURATION', `${key} does not exist.`, { cause, hint });
  }
}

/**
 * The network and all weights of a stage; for a probe, including the probed body.
 *
 * @param round a committed round; by default the stage's last one, which publishes what the stage leaves
 */
export async function trainedModel(
  federationStore: FederationStore,
  campaign: string,
  stageName: string,
  round?: number,
): Promise<TrainedModel> {
  const plan = await readPlan(federationStore, campaign);
  const published = async (of: RoundAddress) => (await readCommit(federationStore, of)).value.global;
  const { stage, at, model, weights, sha256 } = await finalModel(federationStore, plan, stageName, published, round);
  const { sha256: commit } = await readCommit(federationStore, at);
  const { patch, localParameters } = stage.training;
  const tasks = tasksOf(plan, stage);
  // Local parameters have their initial weights, as at a site that never trained the stage.
  const local = localParameters.length > 0 ? initialWeights(model, tasks, plan.campaign.seed) : [];
  const origin = { ...at, commit };
  return {
    model,
    tasks,
    patch,
    ...preparationOf(stage.training),
    sha256,
    origin,
    weights: new Map([...local, ...weights]),
  };
}

async function readPlan(federationStore: FederationStore, campaign: string): Promise<Plan> {
  return (await readJson(federationStore, federationKeys.plan(campaign), planSchema)).value;
}

const readCommit = (federationStore: FederationStore, at: RoundAddress) =>
  readJson(federationStore, federationKeys.commit(at), commitSchema);

/** Finds the model that a round published; null if it has none. */
type Published = (at: RoundAddress) => Promise<StoredFile | null>;

/** For GPU tasks, whose roles cannot read commits: those say which sites took part. */
const mergedOf =
  (federationStore: FederationStore): Published =>
  async (at) =>
    (await readJson(federationStore, federationKeys.merged(at), mergedSchema)).value.global;

interface FinalModel {
  readonly stage: LearningStage;
  /** The round that published the model. */
  readonly at: RoundAddress;
  /** The round that trained it: an earlier one, if validation kept the best. */
  readonly trainedIn: RoundAddress;
  readonly model: ModelConfig;
  readonly weights: Weights;
  readonly sha256: string;
}

async function finalModel(
  federationStore: FederationStore,
  plan: Plan,
  name: string,
  published: Published,
  round?: number,
): Promise<FinalModel> {
  const campaign = plan.campaign.id;
  const stage = stageOf(plan, name);
  if (!learns(stage)) {
    throw new FedcardioError('BAD_CONFIGURATION', `Stage ${name} of campaign ${campaign} does not train a model.`);
  }
  const at = { campaign, stage: name, round: round ?? roundsOf(stage) };
  const global = await published(at);
  if (!global) throw new FedcardioError('BAD_WEIGHTS', `The last commit of ${name} has no model.`);
  const { sha256 } = global;
  const weights = await readWeights(federationStore, global);
  const trainedIn = roundOf(global.key) ?? at;
  const found = { stage, at, trainedIn, model: modelOf(plan.campaign, stage), sha256 };
  if (stage.kind !== 'probe') return { ...found, weights };
  const probed = await finalModel(federationStore, plan, stage.of, published);
  return { ...found, weights: new Map([...bodyOf(probed.weights), ...weights]) };
}
