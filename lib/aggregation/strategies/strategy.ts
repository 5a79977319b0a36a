import type { Kernels } from '../kernels.ts';

/**
 * How the updates of a round become one model. Float tensors are merged in slices of a few million values, so that memory
 * does not grow with the model. Integer tensors are merged outside of strategies, by the largest value.
 */
export interface Strategy {
  /** Names of the moments that a server optimiser keeps per value between rounds. */
  readonly moments: readonly string[];
  /** Whether a reducer holds a slice of all updates at once, instead of their sum. */
  readonly holdsAll: boolean;
  /**
   * How many of this number of updates may have any finite values without moving the merged ones further than the others
   * allow: the bounds are in robustness.test.ts.
   */
  readonly tolerates: (updates: number) => number;
  /** The reason why this number of updates cannot be merged, as a sentence; undefined if it can. */
  readonly impossible?: (updates: number) => string | undefined;
  /** Indices of the updates that are merged, ascending. Default: all. */
  readonly select?: (distances: SquaredDistances) => readonly number[];
  /**
   * @param updates most updates that a slice is merged from
   * @param capacity values of the largest slice
   * @param kernels their memory must hold all values
   */
  readonly createReducer: (updates: number, capacity: number, kernels: Kernels) => SliceReducer;
}

/** Squared L2 distances between updates, by row and column. */
export type SquaredDistances = readonly (readonly number[])[];

/** Merges one slice after another. */
interface SliceReducer {
  /** Adds the slice of the next update. `values` has at least one value and may be reused after the call. */
  add(values: Float32Array, weight: number): void;
  /** Writes the merged slice. The next `add` starts a new slice. `kept` is given to a server optimiser with a base. */
  finish(merged: Float32Array, kept?: Kept): void;
}

/** Where a server optimiser's step starts. */
interface Kept {
  /** The slice of the model that the updates started from. */
  readonly base: Float32Array;
  /** Its moments, interleaved by value. Overwritten with those after the step. */
  readonly moments: Float32Array;
}
