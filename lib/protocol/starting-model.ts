import { createHashes } from '../aggregation/hashes.ts';
import { openOutput } from '../aggregation/output.ts';
import { federationKeys } from '../federation/keys.ts';
import { type Open, planSchema, type StoredFile } from '../federation/schemas.ts';
import type { FederationStore } from '../storage/contract.ts';
import { readJson } from '../storage/documents.ts';
import { encodeSafetensorsHeader } from '../weights/safetensors.ts';
import { stageStart } from './stage-start.ts';

type Base = NonNullable<Open['base']>;

/**
 * Writes what all sites start a stage's first round from, tensor by tensor. Without it the updates of a first round would have no
 * difference to clip. The same bytes whoever writes it.
 */
export async function startingModel(store: FederationStore, open: Open): Promise<StoredFile & Pick<Base, 'state'>> {
  const plan = (await readJson(store, federationKeys.plan(open.campaign), planSchema)).value;
  const { layout, tensor } = await stageStart(store, plan, open.stage);
  const header = encodeSafetensorsHeader(layout);
  const output = openOutput({ store, hashes: createHashes() }, federationKeys.start(open), header);
  try {
    for (const name of layout.keys()) await output.write(await tensor(name));
    return { ...(await output.close()), state: null };
  } catch (error) {
    await output.abandon();
    throw error;
  }
}
