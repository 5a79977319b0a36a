import { FedcardioError } from '../lib/error.ts';
import { type RoundAddress, siteKeys } from '../lib/federation/keys.ts';
import type { Objects } from '../lib/storage/contract.ts';
import { decodeSafetensors } from '../lib/weights/safetensors.ts';
import type { Weights } from '../lib/weights/weights.ts';

/** What a site keeps of its rounds in its own bucket. The round is in the key, so that a retry reads what the first try did. */

/** AdamW's moments as the site left them in a round; undefined where it took no part. */
export const readOptimizer = (objects: Objects, bucket: string, { campaign, stage, round }: RoundAddress) =>
  readKept(objects, bucket, siteKeys.optimizer(campaign, stage, round));

/**
 * The parameters that stay at the site, as it left them in the last round up to this one that it took part in;
 * undefined when it took part in none.
 */
export async function readLocalParameters(
  objects: Objects,
  bucket: string,
  { campaign, stage, round }: RoundAddress,
): Promise<Weights | undefined> {
  for (let last = round; last >= 1; last--) {
    const found = await readKept(objects, bucket, siteKeys.localParameters(campaign, stage, last));
    if (found) return found;
  }
  return undefined;
}

async function readKept(objects: Objects, bucket: string, key: string): Promise<Weights | undefined> {
  const stored = await objects.tryGet(bucket, key);
  if (!stored) return undefined;
  try {
    return decodeSafetensors(stored.body);
  } catch (cause) {
    throw new FedcardioError('STORAGE', `s3://${bucket}/${key} cannot be read.`, { cause });
  }
}
