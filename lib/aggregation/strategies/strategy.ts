import type { Kernels } from '../kernels.ts';

/**
 * How the updates of a round become one model. Float tensors are merged slice by slice: the same few million values of
 * every update, then the next, so that memory does not grow with the model. Integers are not a strategy's business:
 * of them the largest counts, whatever the strategy.
 */
export interface Strategy {
  /** What a server optimiser keeps of every value from round to round, by name; empty where there is nothing. */
  readonly moments: readonly string[];
  /** Whether a reducer holds a slice of all updates at once; else it holds their sum. */
  readonly holdsAll: boolean;
  /** Why that many updates cannot be merged, as a sentence; undefined where they can. */
  readonly impossible?: (updates: number) => string | undefined;
  /** Indices of the updates that are merged, in ascending order, by their squared distances. Without it: all. */
  readonly select?: (distances: SquaredDistances) => readonly number[];
  /**
   * @param updates that a slice is merged of, at most
   * @param capacity values of the largest slice
   * @param kernels whose memory holds all values
   */
  readonly createReducer: (updates: number, capacity: number, kernels: Kernels) => SliceReducer;
}

/** Squared L2 distances of updates from each other, by row and column. */
export type SquaredDistances = readonly (readonly number[])[];

/** Merges one slice after another. */
interface SliceReducer {
  /** The slice's values of the next update, at least one; `values` may be reused after the call. */
  add(values: Float32Array, samples: number): void;
  /** Writes the merged slice; the next `add` starts a new one. `kept`: with a server optimiser that has a base. */
  finish(merged: Float32Array, kept?: Kept): void;
}

/** What a server optimiser steps from. */
interface Kept {
  /** The slice of the model that the updates started from. */
  readonly base: Float32Array;
  /** Its moments, those of one value side by side. Overwritten with those after the step. */
  readonly moments: Float32Array;
}
