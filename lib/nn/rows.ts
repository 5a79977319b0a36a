import { kernels } from './backend-kernels.ts';
import { differentiable } from './differentiable.ts';
import { tf } from './tf.ts';

/**
 * A fixed rearrangement: the source row of every result row. Partitioning into shifted and padded windows, its inverse,
 * merging patches and table look-ups are each one gather by such a map.
 */
export interface RowMap {
  /** Number of rows of the source. */
  readonly source: number;
  readonly gather: (x: tf.Tensor2D) => tf.Tensor2D;
  readonly dispose: () => void;
}

/**
 * @param indices source row of each row of the result; -1 for a row of zeros
 * @param source number of rows of the source
 */
export function rowMap(indices: Int32Array, source: number): RowMap {
  const forward = plan(indices, source, 1);
  const backward = plan(...invert(indices, source));
  return {
    source,
    gather: (x) =>
      differentiable<tf.Tensor2D>(
        [x],
        () => ({ value: apply(forward, x), saved: [] }),
        (dy) => [apply(backward, dy)],
      ),
    dispose: () => {
      forward.indices.dispose();
      backward.indices.dispose();
    },
  };
}

/** Sums of `terms` rows each. Index `zero`, one past the last row, reads zeros. */
interface Plan {
  readonly indices: tf.Tensor1D;
  readonly terms: number;
  readonly padded: boolean;
}

function plan(indices: Int32Array, rows: number, terms: number): Plan {
  const padded = indices.includes(-1);
  const safe = padded ? indices.map((index) => (index === -1 ? rows : index)) : indices;
  return { indices: tf.keep(tf.tensor1d(safe, 'int32')), terms, padded };
}

function apply({ indices, terms, padded }: Plan, x: tf.Tensor2D): tf.Tensor2D {
  const channels = x.shape[1];
  const rows = kernels().gatherRows(padded ? tf.concat([x, tf.zeros([1, channels])], 0) : x, indices);
  return terms === 1 ? rows : tf.sum(tf.reshape(rows, [-1, terms, channels]), 1);
}

/** The result rows of each source row, padded with -1 to the same number for all. */
function invert(indices: Int32Array, source: number): [Int32Array, number, number] {
  const counts = new Int32Array(source);
  for (const index of indices) if (index >= 0) counts[index]!++;
  const terms = Math.max(
    1,
    counts.reduce((most, count) => Math.max(most, count), 0),
  );
  const inverse = new Int32Array(source * terms).fill(-1);
  const filled = new Int32Array(source);
  indices.forEach((index, row) => {
    if (index >= 0) inverse[index * terms + filled[index]!++] = row;
  });
  return [inverse, indices.length, terms];
}
