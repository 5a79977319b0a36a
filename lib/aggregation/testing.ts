import { readFileSync } from 'node:fs';
import { aggregationSchema, type Encoding, type StoredFile } from '../federation/schemas.ts';
import { sha256Hex } from '../json.ts';
import type { Objects } from '../storage/contract.ts';
import { decodeTensors, encodeSafetensors } from '../weights/safetensors.ts';
import type { Tensor, Tensors, Weights } from '../weights/weights.ts';
import type { MergeInput } from './inputs.ts';
import { type Merged, type MergeOptions, mergeUpdates } from './merge.ts';

/** What tests of the merge share. */

export const BUCKET = 'b';

export const fixture = (name: string): Uint8Array =>
  readFileSync(new URL(`../../test/fixtures/aggregation/${name}.safetensors`, import.meta.url));

export const f32 = (values: Iterable<number>, shape?: readonly number[]) => {
  const data = Float32Array.from(values);
  return { dtype: 'F32' as const, shape: shape ?? [data.length], data };
};

/** A small model of two tensors: the first value, and the others. */
export const model = (...values: number[]): Weights =>
  new Map([
    ['a', f32(values.slice(0, 1))],
    ['w', f32(values.slice(1))],
  ]);

/** Every strategy as a campaign would configure it; Krum so that three updates are enough. */
export const STRATEGIES = [
  'fedavg',
  'fedavgm',
  'fedadam',
  'fedyogi',
  'median',
  'trimmed-mean',
  'krum',
  'multi-krum',
] as const;
export type StrategyName = (typeof STRATEGIES)[number];

export const configured = (strategy: StrategyName, options: Readonly<Record<string, unknown>> = {}) =>
  aggregationSchema.parse({ strategy, ...(strategy.endsWith('krum') ? { byzantine: 0 } : {}), ...options });

export async function storeFile(objects: Objects, key: string, file: Uint8Array): Promise<StoredFile> {
  await objects.put(BUCKET, key, file);
  return { key, sha256: sha256Hex(file), bytes: file.length };
}

/** Stores an update of a site, encoded as given. */
export async function storeUpdate(
  objects: Objects,
  site: string,
  samples: number,
  update: Tensors | Uint8Array,
  dtype: Encoding['dtype'] = 'F32',
): Promise<MergeInput> {
  const file = update instanceof Uint8Array ? update : encodeSafetensors(update, {}, { dtype });
  return { site, samples, weights: await storeFile(objects, `updates/${site}.safetensors`, file) };
}

export const merge = (
  objects: Objects,
  inputs: readonly MergeInput[],
  options: Partial<MergeOptions> = {},
): Promise<Merged> =>
  mergeUpdates(inputs, {
    objects,
    bucket: BUCKET,
    key: 'global',
    stateKey: 'state',
    aggregation: configured('fedavg'),
    base: null,
    delta: false,
    dtype: 'F32',
    ...options,
  });

/** Merges, and reads the model. Fails unless it was merged. */
export async function mergedModel(...[objects, inputs, options]: Parameters<typeof merge>): Promise<Tensors> {
  const merged = await merge(objects, inputs, options);
  if (merged.kind !== 'merged') throw new Error(JSON.stringify(merged));
  return decodeTensors((await objects.get(BUCKET, merged.global.key)).body);
}

/** Values of a model's float tensors in the order of the file. */
export const floatsOf = (tensors: Tensors): readonly number[] =>
  [...tensors.values()].flatMap((tensor: Tensor) => (tensor.dtype === 'F32' ? [...tensor.data] : []));
