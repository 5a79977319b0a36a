import { createHash } from 'node:crypto';
import { openFile } from '../aggregation/files.ts';
import type { Layout } from '../aggregation/layout.ts';
import { FedcardioError } from '../error.ts';
import { federationKeys } from '../federation/keys.ts';
import type { Plan, StoredFile } from '../federation/schemas.ts';
import { initialTensors } from '../models/initial-weights.ts';
import type { FederationStore } from '../storage/contract.ts';
import { tensorOf } from '../weights/safetensors.ts';
import type { SafetensorsHeader } from '../weights/safetensors-header.ts';
import { sentLayout } from './network-layout.ts';
import { type LearningStage, learns, modelOf, stageOf, tasksOf } from './plan.ts';

/** The tensors that a stage sends, as they are before its first round: the same at every site and at the coordinator. */
export interface StageStart {
  /** Names and shapes of what a site sends, F32, in the order of their bytes. */
  readonly layout: Layout;
  /** Values of one tensor. The next call may reuse their memory. */
  readonly tensor: (name: string) => Promise<Float32Array>;
}

type Reads = Pick<FederationStore, 'getRange' | 'stream'>;

/**
 * What a stage starts from: weights drawn from the campaign's seed, or `init` with heads from the seed. Where updates are
 * differences, masked or clipped, a first round needs it as later rounds need the global model. One tensor at a time is in memory.
 *
 * @throws FedcardioError `BAD_WEIGHTS` if the imported weights are not those of the network
 */
export async function stageStart(store: Reads, plan: Plan, stageName: string): Promise<StageStart> {
  const stage = learningStage(plan, stageName);
  const model = modelOf(plan.campaign, stage);
  const tasks = tasksOf(plan, stage);
  const initial = initialTensors(model, tasks, plan.campaign.seed);
  const init = 'init' in stage ? stage.init : undefined;
  const from = init === undefined ? undefined : await openInit(store, plan.campaign.id, init);
  return {
    layout: sentLayout(model, stage, tasks),
    tensor: async (name) => {
      const drawn = initial(name);
      const stored = await from?.(name);
      if (!stored) return drawn.data as Float32Array;
      if (stored.length === drawn.data.length) return stored;
      throw new FedcardioError('BAD_WEIGHTS', `"${name}" of the imported weights is not that of the network.`);
    },
  };
}

/** The stage of a plan, which trains. */
export function learningStage(plan: Plan, name: string): LearningStage {
  const stage = stageOf(plan, name);
  if (learns(stage)) return stage;
  throw new FedcardioError('BAD_CONFIGURATION', `Stage ${name} trains no network.`);
}

/**
 * Reads tensors of imported weights; undefined for one that they lack.
 *
 * @throws FedcardioError `BAD_WEIGHTS` if the file is not the one that its key names
 */
async function openInit(store: Reads, campaign: string, sha256: string) {
  const key = federationKeys.init(campaign, sha256);
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of await store.stream(key)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  if (hash.digest('hex') === sha256) return tensorReader(store, { key, sha256, bytes });
  throw new FedcardioError('BAD_WEIGHTS', `${key} was changed or damaged.`);
}

/** Reads the tensors of a file one by one, as float32; undefined for one that the file lacks. */
async function tensorReader(store: Pick<FederationStore, 'getRange'>, file: StoredFile) {
  const { header } = await openFile(store, file, 0);
  return async (name: string): Promise<Float32Array | undefined> => {
    const found = (header as SafetensorsHeader).tensors.get(name);
    if (!found) return undefined;
    const start = header.dataStart;
    const bytes = await store.getRange(file.key, start + found.begin, start + found.end);
    const tensor = tensorOf(found.dtype, found.shape, bytes);
    if (tensor.dtype === 'F32') return tensor.data;
    throw new FedcardioError('BAD_WEIGHTS', `${file.key}: tensor "${name}" is ${tensor.dtype}; models hold floats.`);
  };
}
