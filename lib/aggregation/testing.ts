import { readFileSync } from 'node:fs';
import {
  type Aggregation,
  aggregationSchema,
  STRATEGIES as DECLARED_STRATEGIES,
  type Encoding,
  type StoredFile,
} from '../federation/schemas.ts';
import { keyOf } from '../federation/testing.ts';
import { sha256Hex } from '../json.ts';
import type { FederationStore } from '../storage/contract.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { decodeTensors, encodeSafetensors } from '../weights/safetensors.ts';
import type { Tensor, Tensors, Weights } from '../weights/weights.ts';
import type { MergeInput } from './inputs.ts';
import { mergeUpdates } from './merge.ts';
import type { Merged, MergeOptions } from './merge-options.ts';

/** Helpers of tests that merge. */

/** A federation bucket in memory. */
export const memoryStore = (): FederationStore => createMemoryStorage()('b');

export const fixture = (name: string): Uint8Array =>
  readFileSync(new URL(`../../test/fixtures/aggregation/${name}.safetensors`, import.meta.url));

export const f32 = (values: Iterable<number>, shape?: readonly number[]) => {
  const data = Float32Array.from(values);
  return { dtype: 'F32' as const, shape: shape ?? [data.length], data };
};

/** A small model of two tensors: `a` holds the first value, `w` the others. */
export const model = (...values: number[]): Weights =>
  new Map([
    ['a', f32(values.slice(0, 1))],
    ['w', f32(values.slice(1))],
  ]);

export type StrategyName = Aggregation['strategy'];
export const STRATEGIES: readonly StrategyName[] = DECLARED_STRATEGIES.map(({ name }) => name);

/** A strategy as a campaign would configure it, with Krum such that three updates suffice. */
export const configured = (strategy: StrategyName, options: Readonly<Record<string, unknown>> = {}) =>
  aggregationSchema.parse({ strategy, ...(strategy.endsWith('krum') ? { byzantine: 0 } : {}), ...options });

export async function storeFile(store: FederationStore, name: string, file: Uint8Array): Promise<StoredFile> {
  const key = keyOf(name);
  await store.put(key, file);
  return { key, sha256: sha256Hex(file), bytes: file.length };
}

/** Stores a site's update, encoded with `dtype` unless it is already encoded. */
export async function storeUpdate(
  store: FederationStore,
  site: string,
  samples: number,
  update: Tensors | Uint8Array,
  dtype: Encoding['dtype'] = 'F32',
): Promise<MergeInput> {
  const file = update instanceof Uint8Array ? update : encodeSafetensors(update, {}, { dtype });
  return { site, samples, weights: await storeFile(store, `updates/${site}.safetensors`, file) };
}

type Options = Partial<Omit<MergeOptions, 'key' | 'stateKey'>> & { readonly key?: string; readonly stateKey?: string };

export const merge = (
  store: FederationStore,
  inputs: readonly MergeInput[],
  { key = 'global', stateKey = 'state', ...options }: Options = {},
): Promise<Merged> =>
  mergeUpdates(inputs, {
    store,
    key: keyOf(key),
    stateKey: keyOf(stateKey),
    aggregation: configured('fedavg'),
    base: null,
    delta: false,
    dtype: 'F32',
    ...options,
  });

/** Merges and returns the decoded model. Throws unless the merge succeeded. */
export async function mergedModel(...[store, inputs, options]: Parameters<typeof merge>): Promise<Tensors> {
  const merged = await merge(store, inputs, options);
  if (merged.kind !== 'merged') throw new Error(JSON.stringify(merged));
  return decodeTensors((await store.get(merged.global.key)).body);
}

/** Values of a model's float tensors in file order. */
export const floatsOf = (tensors: Tensors): readonly number[] =>
  [...tensors.values()].flatMap((tensor: Tensor) => (tensor.dtype === 'F32' ? [...tensor.data] : []));
