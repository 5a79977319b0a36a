import { createHash } from 'node:crypto';
import { openFile } from '../../lib/aggregation/files.ts';
import type { FederationKey } from '../../lib/federation/keys.ts';
import type { Encoding, StoredFile } from '../../lib/federation/schemas.ts';
import type { FederationStore } from '../../lib/storage/contract.ts';
import { encodeHalf } from '../../lib/weights/half-floats.ts';
import { encodeSafetensorsHeader, type TensorShape } from '../../lib/weights/safetensors.ts';

export const BUCKET = 'bench';

/** A synthetic model or update: pseudo-random values, the same in every run. */
export interface Synthetic {
  readonly parameters: number;
  /** 0 for the base model; otherwise an update, in which every value differs by at most 2 %. */
  readonly update: number;
  readonly encoding: Encoding;
}

/** Values per tensor, about as in a large network. */
const TENSOR = 390_625;
const PART_BYTES = 8 * 1024 * 1024;

/** Streams a synthetic file to storage and returns its description. */
export async function storeModel(store: FederationStore, key: FederationKey, model: Synthetic): Promise<StoredFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  async function* parts() {
    const chunks = fileOf(model);
    let part = Buffer.alloc(0);
    for (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
      part = Buffer.concat([part, chunk]);
      if (part.length < PART_BYTES) continue;
      yield part;
      part = Buffer.alloc(0);
    }
    if (part.length > 0) yield part;
  }
  await store.putParts(key, parts());
  return { key, sha256: hash.digest('hex'), bytes };
}

function* fileOf({ parameters, update, encoding }: Synthetic): Generator<Uint8Array> {
  const { dtype, delta } = encoding;
  const sizes = Array.from({ length: Math.ceil(parameters / TENSOR) }, (_, i) =>
    Math.min(TENSOR, parameters - i * TENSOR),
  );
  const shapes = sizes.map((size, i): [string, TensorShape] => [
    `block.${String(i).padStart(4, '0')}`,
    { dtype, shape: [size] },
  ]);
  const header = encodeSafetensorsHeader(new Map(shapes));
  yield header;
  const [start, change] = [randomNumbers(1), randomNumbers(1000 + update)];
  for (const size of sizes) {
    const values = new Float32Array(size);
    for (let i = 0; i < size; i++) {
      const base = 0.05 * start();
      // As at a site: the difference of two float32 values, rounded to float32.
      const whole = update === 0 ? Math.fround(base) : Math.fround(base * (1 + 0.02 * change()));
      values[i] = delta ? whole - Math.fround(base) : whole;
    }
    const stored = dtype === 'F32' ? values : encodeHalf(values, dtype);
    yield new Uint8Array(stored.buffer);
  }
}

/** Numbers from -1 to 1, by a linear congruential generator for speed. */
function randomNumbers(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b9);
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
}

/** ‖a − b‖ / ‖b − base‖: error of an encoding relative to the change by the round. */
export async function relativeError(
  store: FederationStore,
  a: StoredFile,
  b: StoredFile,
  base: StoredFile,
): Promise<number> {
  let [error, change] = [0, 0];
  const { dataStart } = (await openFile(store, b, 0)).header;
  for (let start = dataStart; start < b.bytes; start += PART_BYTES) {
    const [x, y, z] = await Promise.all([a, b, base].map(({ key }) => valuesAt(store, key, start)));
    for (let i = 0; i < (y?.length ?? 0); i++) {
      error += ((x?.[i] as number) - (y?.[i] as number)) ** 2;
      change += ((y?.[i] as number) - (z?.[i] as number)) ** 2;
    }
  }
  return Math.sqrt(error / change);
}

/** The values after a byte offset. All global models have headers of the same length. */
async function valuesAt(store: FederationStore, key: FederationKey, start: number): Promise<Float32Array> {
  const bytes = Uint8Array.from(await store.getRange(key, start, start + PART_BYTES));
  return new Float32Array(bytes.buffer);
}
