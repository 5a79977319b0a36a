/**
 * How the updates of a round become one model. Values are merged slice by slice: the same few million elements of
 * every update, then the next, so that memory does not grow with the model.
 */
export interface Strategy {
  /**
   * @param weights the relative weight of each update (its samples), in the order in which the updates are added
   * @param capacity elements of the largest slice
   */
  readonly createReducer: (weights: readonly number[], capacity: number) => SliceReducer;
}

/** Merges one slice after another. Holds no more than its strategy needs of them at a time. */
interface SliceReducer {
  /** The slice's values of the next update; each update once, in order. `values` may be reused after the call. */
  add(values: Float32Array): void;
  /** Writes the merged slice; the next `add` starts a new one. */
  finish(merged: Float32Array): void;
}
