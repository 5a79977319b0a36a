import { FedcardioError } from '../lib/error.ts';
import { type RoundAddress, type SiteKey, siteKeys } from '../lib/federation/keys.ts';
import type { SiteStore } from '../lib/storage/contract.ts';
import { decodeSafetensors } from '../lib/weights/safetensors.ts';
import type { Weights } from '../lib/weights/weights.ts';

/** What a site keeps of its rounds in its own bucket. The round is in the key, so that a retry reads what the first try did. */

/** AdamW's moments as the site left them in a round; undefined where it took no part. */
export const readOptimizer = (store: SiteStore, at: RoundAddress) => readKept(store, siteKeys.optimizer(at));

/**
 * The parameters that stay at the site, as it left them in the last round up to this one that it took part in;
 * undefined when it took part in none.
 */
export async function readLocalParameters(store: SiteStore, at: RoundAddress): Promise<Weights | undefined> {
  for (let round = at.round; round >= 1; round--) {
    const found = await readKept(store, siteKeys.localParameters({ ...at, round }));
    if (found) return found;
  }
  return undefined;
}

async function readKept(store: SiteStore, key: SiteKey): Promise<Weights | undefined> {
  const stored = await store.tryGet(key);
  if (!stored) return undefined;
  try {
    return decodeSafetensors(stored.body);
  } catch (cause) {
    throw new FedcardioError('STORAGE', `s3://${store.bucket}/${key} cannot be read.`, { cause });
  }
}
