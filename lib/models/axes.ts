import type { AxisOrder } from '../federation/schemas/model.ts';
import type { ModelConfig } from '../federation/schemas.ts';

/** For each axis of a target order, its position in the source order. */
export type Permutation = readonly [number, number, number];

/** Order in which the network of a model gets the spatial axes. */
export const axesOf = (model: ModelConfig): AxisOrder => (model.kind === 'swin-unetr' && model.axes) || 'zyx';

export const permutationOf = (from: AxisOrder, to: AxisOrder): Permutation =>
  [...to].map((axis) => from.indexOf(axis)) as unknown as Permutation;

/** For each cell of a cube in the target order, its cell in the source order. The last axis is the fastest in both. */
export function sourceCells(side: number, permutation: Permutation): Int32Array {
  const strides = [side * side, side, 1];
  const [a, b, c] = permutation.map((axis) => strides[axis]!) as [number, number, number];
  const cells = new Int32Array(side ** 3);
  let target = 0;
  for (let i = 0; i < side; i++) {
    for (let j = 0; j < side; j++) for (let k = 0; k < side; k++) cells[target++] = i * a + j * b + k * c;
  }
  return cells;
}
