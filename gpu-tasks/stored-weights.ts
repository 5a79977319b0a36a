import { FedcardioError } from '../lib/error.ts';
import type { StoredFile } from '../lib/federation/schemas.ts';
import { sha256Hex } from '../lib/json.ts';
import type { FederationStore } from '../lib/storage/contract.ts';
import { decodeSafetensors } from '../lib/weights/safetensors.ts';
import type { Weights } from '../lib/weights/weights.ts';

/**
 * Reads a model that a document names, and compares its bytes with the document: a model that was replaced must not be
 * trained on, predicted with or exported.
 *
 * @throws FedcardioError `BAD_WEIGHTS` that names the key, if the file is not the one that the document names
 */
export async function readWeights(
  store: Pick<FederationStore, 'get'>,
  { key, sha256 }: Pick<StoredFile, 'key' | 'sha256'>,
  hint = 'Restore the version that the round published; `npx fedcardio campaign verify` names every changed file.',
): Promise<Weights> {
  const { body } = await store.get(key);
  const actual = sha256Hex(body);
  if (actual !== sha256) {
    throw new FedcardioError('BAD_WEIGHTS', `${key} has SHA-256 ${actual}, not ${sha256}: it was changed or damaged.`, {
      hint,
    });
  }
  try {
    return decodeSafetensors(body);
  } catch (cause) {
    throw new FedcardioError('BAD_WEIGHTS', `${key}: ${(cause as Error).message}`, { cause });
  }
}
