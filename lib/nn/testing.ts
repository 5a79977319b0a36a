import { readFileSync } from 'node:fs';
import { describeError } from '../error.ts';
import { elementsOf } from '../weights/weights.ts';
import { type Backend, loadBackend } from './backend.ts';
import { tf } from './tf.ts';

/** The numbers of scripts/fixtures/nn.py: uniform in [-0.5, 0.5), from a hash of index and name. */
export function numbers(name: string, shape: readonly number[]): Float32Array {
  let seed = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193);
  const values = new Float32Array(elementsOf(shape));
  for (let i = 0; i < values.length; i++) {
    let h = Math.imul(i + seed, 2654435761);
    h = Math.imul(h ^ (h >>> 15), 2246822519);
    values[i] = ((h ^ (h >>> 13)) >>> 0) / 2 ** 32 - 0.5;
  }
  return values;
}

/** A volume [b, z, y, x, c] of {@link numbers}, times four. */
export const volume = (name: string, shape: readonly number[]): tf.Tensor5D =>
  tf.tensor<tf.Rank.R5>(
    numbers(name, shape).map((value) => value * 4),
    [...shape] as tf.Tensor5D['shape'],
  );

export const fixture = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../../test/fixtures/nn/${name}.json`, import.meta.url), 'utf8')) as T;

/** The backends of this machine. Logs which one is missing, and why. */
export async function availableBackends(): Promise<readonly Backend['name'][]> {
  const names: Backend['name'][] = [];
  for (const name of ['native', 'wasm'] as const) {
    try {
      names.push((await loadBackend(name)).name);
    } catch (error) {
      console.warn(`SKIPPED on the ${name} backend: ${describeError(error)}`);
    }
  }
  return names;
}

/** Largest absolute difference. Infinite if the lengths differ or a value is NaN. */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < actual.length; i++) {
    const d = Math.abs(actual[i]! - expected[i]!);
    if (!(d <= most)) most = Number.isNaN(d) ? Number.POSITIVE_INFINITY : d;
  }
  return most;
}
