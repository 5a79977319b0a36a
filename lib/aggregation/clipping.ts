import type { Aggregation, Commit } from '../federation/schemas.ts';
import type { MergeInput } from './inputs.ts';
import { GROUP, type Kernels } from './kernels.ts';
import { median } from './strategies/median.ts';

/** How an update's difference is clipped. */
export interface Clipping {
  /** L2 norm of the difference over all float tensors. */
  readonly norm: number;
  /** Factor that it is scaled with, at most 1. */
  readonly factor: number;
}

type Limits = Pick<Aggregation, 'clipNorm' | 'clipFactor'>;

/**
 * Whether updates are clipped. `clipNorm` is a distance from the base, so that it needs one; `clipFactor` compares the
 * updates with each other.
 */
export const clips = ({ clipNorm, clipFactor }: Limits, hasBase: boolean): boolean =>
  typeof clipFactor === 'number' || (clipNorm !== undefined && hasBase);

/**
 * The factors that bound the norms of the updates' differences: to `clipNorm` if there is a base, and to `clipFactor` times
 * the median of the norms. For an even number of updates this is the lower of the middle two: it exceeds the norms of all
 * honest updates only if more than half of the updates are malicious.
 */
export function clippingOf(
  norms: readonly number[],
  { clipNorm, clipFactor }: Limits,
  hasBase: boolean,
): readonly Clipping[] {
  const middle = norms.toSorted((a, b) => a - b)[Math.floor((norms.length - 1) / 2)] ?? 0;
  const limit = Math.min(
    hasBase ? (clipNorm ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY,
    typeof clipFactor === 'number' ? clipFactor * middle : Number.POSITIVE_INFINITY,
  );
  return norms.map((norm) => ({ norm, factor: norm <= limit ? 1 : limit / norm }));
}

/** The entries of a commit, for each input. */
export const normsOf = (
  inputs: readonly Pick<MergeInput, 'site' | 'late'>[],
  clipping: readonly Clipping[],
): NonNullable<Commit['norms']> =>
  inputs.map(({ site, late }, index) => ({ site, ...(clipping[index] as Clipping), ...(late && { late }) }));

/** Norms of the updates' differences, in float64 and summed in a fixed order. */
export function createNorms(updates: number, kernels: Kernels) {
  const lanes = Array.from({ length: updates }, () => kernels.float64(GROUP).fill(0));
  return {
    /** Adds a slice of an update. `base` is subtracted from its values. */
    add: (index: number, values: Float32Array, base: Float32Array | undefined) =>
      kernels.addProducts(values, values, base, lanes[index] as Float64Array),
    /** The norms over all slices. */
    take: () => lanes.map((sums) => Math.sqrt(sums.reduce((sum, lane) => sum + lane, 0))),
  };
}

export type Norms = ReturnType<typeof createNorms>;

/** The centre of the updates, which replaces the base in a stage's first round: the median of each value. */
export function createCentre(updates: number, capacity: number, kernels: Kernels) {
  const rows = Array.from({ length: updates }, () => kernels.float32(capacity));
  const centre = kernels.float32(capacity);
  const reducer = median.createReducer(updates, capacity, kernels);
  let next = 0;
  return {
    /** Adds the slice of the next update. */
    add: (values: Float32Array) => {
      rows[next++]?.set(values);
      reducer.add(values, 1);
    },
    /** The slices of all updates, and their centre. The next `add` starts a new slice. */
    take: (size: number) => {
      next = 0;
      reducer.finish(centre.subarray(0, size));
      return { rows: rows.map((row) => row.subarray(0, size)), centre: centre.subarray(0, size) };
    },
  };
}
