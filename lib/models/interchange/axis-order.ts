import type { AxisOrder } from '../../federation/schemas/model.ts';
import type { Tensors, WeightTensor } from '../../weights/weights.ts';
import { type Permutation, permutationOf, sourceCells } from '../axes.ts';
import { CORNERS } from '../corners.ts';
import { isMerging } from './patch-merging.ts';
import { rearranged } from './rearrange.ts';

/**
 * The tensors of a network whose input has its spatial axes in another order: on the transposed input it gives the
 * transposed output. In PyTorch's names and layouts, the corners of patch merging in the order of `monai-1.5`.
 *
 * Filters, the rows of a Swin transformer's position biases, and the corners of its patch merging have a spatial order.
 * The rows are those of full windows: see `position-index.ts`.
 */
export function inAxisOrder(tensors: Tensors, from: AxisOrder, to: AxisOrder): Tensors {
  if (from === to) return tensors;
  const permutation = permutationOf(from, to);
  return new Map(
    [...tensors].map(([name, tensor]) => [
      name,
      tensor.dtype === 'F32' ? reordered(name, tensor, permutation) : tensor,
    ]),
  );
}

function reordered(name: string, tensor: WeightTensor, permutation: Permutation): WeightTensor {
  const { shape } = tensor;
  if (shape.length === 5) return rearranged(tensor, sourceCells(shape[2]!, permutation), 1);
  if (name.endsWith('.relative_position_bias_table')) {
    const [rows, heads] = shape as [number, number];
    return rearranged(tensor, sourceCells(Math.round(Math.cbrt(rows)), permutation), heads);
  }
  return isMerging(name) ? rearranged(tensor, sourceCorners(permutation), shape.at(-1)! / CORNERS.length) : tensor;
}

/** For each corner of {@link CORNERS}, read in the target order, its index when it is read in the source order. */
const sourceCorners = (permutation: Permutation): readonly number[] =>
  CORNERS.map((corner) =>
    CORNERS.findIndex((source) => permutation.every((axis, target) => source[axis] === corner[target])),
  );
