import { openFile } from '../aggregation/files.ts';
import { createHashes } from '../aggregation/hashes.ts';
import { openOutput } from '../aggregation/output.ts';
import { FedcardioError } from '../error.ts';
import { federationKeys } from '../federation/keys.ts';
import { type Open, planSchema, type StoredFile } from '../federation/schemas.ts';
import { initialTensors } from '../models/initial-weights.ts';
import type { FederationStore } from '../storage/contract.ts';
import { readJson } from '../storage/documents.ts';
import { encodeSafetensorsHeader, tensorOf } from '../weights/safetensors.ts';
import type { Tensor } from '../weights/weights.ts';
import { sentLayout } from './network-layout.ts';
import { type LearningStage, modelOf, tasksOf } from './plan.ts';

type Base = NonNullable<Open['base']>;

/**
 * Writes what all sites start a stage's first round from, tensor by tensor: the weights of the seed, or the imported ones.
 * Without it the updates of a first round would have no difference to clip. The same bytes whoever writes it.
 */
export async function startingModel(
  store: FederationStore,
  open: Open,
  stage: LearningStage,
): Promise<StoredFile & Pick<Base, 'state'>> {
  const plan = (await readJson(store, federationKeys.plan(open.campaign), planSchema)).value;
  const [model, tasks] = [modelOf(plan.campaign, stage), tasksOf(plan, stage)];
  const layout = sentLayout(model, stage, tasks);
  const imported = await importedTensors(store, open.campaign, stage);
  const initial = initialTensors(model, tasks, open.seed);
  const output = openOutput(
    { store, hashes: createHashes() },
    federationKeys.start(open),
    encodeSafetensorsHeader(layout),
  );
  try {
    for (const [name, { shape }] of layout) {
      const tensor = (await imported(name)) ?? initial(name);
      if (tensor.dtype !== 'F32' || tensor.shape.join() !== shape.join()) {
        throw new FedcardioError('BAD_WEIGHTS', `"${name}" of the imported weights is not that of the network.`);
      }
      await output.write(tensor.data);
    }
    return { ...(await output.close()), state: null };
  } catch (error) {
    await output.abandon();
    throw error;
  }
}

/** Reads the tensors of the weights that a stage starts from, one by one; undefined for those that they lack. */
async function importedTensors(store: FederationStore, campaign: string, stage: LearningStage) {
  const sha256 = 'init' in stage ? stage.init : undefined;
  if (sha256 === undefined) return async (): Promise<Tensor | undefined> => undefined;
  const key = federationKeys.init(campaign, sha256);
  const info = await store.head(key);
  if (!info) throw new FedcardioError('NOT_FOUND', `There is no s3://${store.bucket}/${key}.`);
  const { header } = await openFile(store, { key, sha256, bytes: info.bytes }, 0);
  return async (name: string): Promise<Tensor | undefined> => {
    const found = header.tensors.get(name);
    if (!found) return undefined;
    const { dtype, shape, begin, end } = found;
    return tensorOf(dtype, shape, await store.getRange(key, header.dataStart + begin, header.dataStart + end));
  };
}
