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
import { sha256Hex } from '../lib/json.ts';
import { parametersIn } from '../lib/models/control-variates.ts';
import { ensembleHash } from '../lib/models/ensemble.ts';
import { initialWeights, parametersOf } from '../lib/models/initial-weights.ts';
import { createNetwork, type Network } from '../lib/models/network.ts';
import type { TrainedModel } from '../lib/models/package.ts';
import { isPersonal, splitNetwork } from '../lib/models/split-parameters.ts';
import { type LearningStage, learns, modelOf, roundsOf, stageOf, tasksOf } from '../lib/protocol/plan.ts';
import type { FederationStore } from '../lib/storage/contract.ts';
import { readJson } from '../lib/storage/documents.ts';
import type { Member } from '../lib/training/averaged-planes.ts';
import { type Preparation, preparationOf } from '../lib/training/cases.ts';
import { bodyOf, hasHead, loadSiteModel, pick } from '../lib/training/local-parameters.ts';
import type { Weights } from '../lib/weights/weights.ts';
import type { GpuTaskContext } from './context.ts';
import type { SiteData } from './site-data.ts';
import { encodeState, readLocalParameters } from './site-state.ts';
import type { StageInput } from './stage-input.ts';
import { readWeights } from './stored-weights.ts';

interface StageModel extends Preparation {
  readonly network: Network;
  /** Tasks that the site has a head for. */
  readonly tasks: readonly Task[];
  /** Tasks of the stage whose heads stay at their sites, and this site has none. */
  readonly withoutHead: readonly Task[];
  /** Side of the inference windows in voxels. */
  readonly patch: number;
  /** Hash of the global model, without the site's local parameters. */
  readonly sha256: string;
  /** Hash of the site's local parameters; undefined if it has none. */
  readonly localSha256: string | undefined;
}

/** What a site's model of a stage follows from. */
type ModelInput = Pick<StageInput, 'data' | 'plan' | 'planSha256'>;

/**
 * Runs `use` with the final model of a finished stage, and frees its memory. Local parameters (`localParameters`) are
 * those of the site's last round up to the one that trained the model, or the initial weights of the campaign's seed if
 * the site never trained it. With Ditto it is the site's personal model, or the global model if the site has none. A
 * probe's model is the probed body with the probe's heads.
 */
async function withStageModel<T>(
  federationStore: FederationStore,
  input: ModelInput,
  stageName: string,
  use: (model: StageModel) => Promise<T>,
): Promise<T> {
  const { data, plan, planSha256 } = input;
  const published = mergedOf(federationStore);
  const { stage, trainedIn, model, weights, sha256 } = await finalModel(federationStore, plan, stageName, published);
  const { training } = stage;
  const all = tasksOf(plan, stage);
  const network = createNetwork(model, all, plan.campaign.seed);
  try {
    const own = isPersonal(training) ? await readLocalParameters(data.store, trainedIn, planSha256) : undefined;
    const { local } = loadSiteModel(network, training, weights, own);
    if (training.algorithm?.name === 'ditto' && own) network.load(new Map([...weights, ...own]));
    const withoutHead = all.filter((task) => !hasHead(task, local, own));
    const tasks = all.filter((task) => !withoutHead.includes(task));
    return await use({
      network,
      tasks,
      withoutHead,
      patch: training.patch,
      ...preparationOf(training),
      sha256,
      localSha256: own && sha256Hex(encodeState(own, planSha256)),
    });
  } finally {
    network.dispose();
  }
}

/** A stage's model, or the models of several stages whose class probabilities are averaged. */
export interface StageEnsemble {
  readonly members: readonly StageModel[];
  /** Tasks that the site has a head for, in every member. */
  readonly tasks: readonly Task[];
  /** Tasks for which a member's head stays at its sites, and this site has none. */
  readonly withoutHead: readonly Task[];
  /** {@link ensembleHash} of the members. */
  readonly sha256: string;
}

/** Like {@link withStageModel}, for a stage or an ensemble of stages. All of their networks are in memory. */
export function withStageModels<T>(
  federationStore: FederationStore,
  input: ModelInput,
  stages: string | readonly string[],
  use: (models: StageEnsemble) => Promise<T>,
): Promise<T> {
  const open = ([next, ...later]: readonly string[], members: readonly StageModel[]): Promise<T> => {
    if (next !== undefined) {
      return withStageModel(federationStore, input, next, (model) => open(later, [...members, model]));
    }
    const missing = new Map(members.flatMap(({ withoutHead }) => withoutHead.map((task) => [task.id, task] as const)));
    const tasks = (members[0]?.tasks ?? []).filter(({ id }) => !missing.has(id));
    const withoutHead = [...missing.values()];
    return use({ members, tasks, withoutHead, sha256: ensembleHash(members) });
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

/** Logs which tasks of a model this site cannot predict, if any. */
export function logWithoutHead(
  { log }: Pick<GpuTaskContext, 'log'>,
  name: string,
  { withoutHead }: Pick<StageEnsemble, 'withoutHead'>,
): void {
  if (withoutHead.length === 0) return;
  const reason = 'The heads of the stage stay at their sites, and this site had no target to train one with.';
  log('no-head', { model: name, tasks: withoutHead.map(({ id }) => id), reason });
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
  const all = tasksOf(plan, stage);
  const names = parametersOf(model, all).map(({ name }) => name);
  const { local } = splitNetwork(names, stage.training);
  const tasks = all.filter((task) => hasHead(task, local, undefined));
  if (tasks.length === 0) {
    const reason = `The heads of ${stageName} stay at their sites: its global model predicts nothing.`;
    throw new FedcardioError('BAD_CONFIGURATION', reason, {
      hint: 'Score it with an `evaluate` stage, at the sites, or train a common head on its body with a `probe` stage.',
    });
  }
  // Local parameters have their initial weights, as at a site that never trained the stage.
  const first = local.size > 0 ? pick(initialWeights(model, tasks, plan.campaign.seed), local) : [];
  const origin = { ...at, commit };
  return {
    model,
    tasks,
    patch: stage.training.patch,
    ...preparationOf(stage.training),
    sha256,
    origin,
    weights: new Map([...first, ...weights]),
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
  const weights = parametersIn(await readWeights(federationStore, global));
  const trainedIn = roundOf(global.key) ?? at;
  const found = { stage, at, trainedIn, model: modelOf(plan.campaign, stage), sha256 };
  if (stage.kind !== 'probe') return { ...found, weights };
  const probed = await finalModel(federationStore, plan, stage.of, published);
  return { ...found, weights: new Map([...bodyOf(probed.weights), ...weights]) };
}
