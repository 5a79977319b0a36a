import type { Vec3 } from './volume.ts';

/**
 * Distance from any position to the nearest of `points`, by a k-d tree (Bentley 1975). The balanced tree needs no
 * links: the middle of each sorted range is its root, the halves are its subtrees.
 *
 * @param points [x, y, z] after [x, y, z]; at least one
 */
export function kdTree(points: Float64Array): (from: Vec3) => number {
  const order = Int32Array.from({ length: points.length / 3 }, (_, i) => i);
  build(points, order, 0);
  return (from) => Math.sqrt(search(points, order, from, 0, order.length, 0, Number.POSITIVE_INFINITY));
}

function build(points: Float64Array, order: Int32Array, axis: number): void {
  if (order.length < 2) return;
  order.sort((a, b) => (points[3 * a + axis] as number) - (points[3 * b + axis] as number));
  const middle = order.length >> 1;
  build(points, order.subarray(0, middle), (axis + 1) % 3);
  build(points, order.subarray(middle + 1), (axis + 1) % 3);
}

/** The least squared distance to the points from `start` up to `end` (exclusive), or `best` if that is less. */
function search(
  points: Float64Array,
  order: Int32Array,
  from: Vec3,
  start: number,
  end: number,
  axis: number,
  best: number,
): number {
  if (start >= end) return best;
  const middle = (start + end) >> 1;
  const at = 3 * (order[middle] as number);
  const [x, y, z] = from;
  const [dx, dy, dz] = [(points[at] as number) - x, (points[at + 1] as number) - y, (points[at + 2] as number) - z];
  const here = Math.min(best, dx * dx + dy * dy + dz * dz);
  const beyond = axis === 0 ? dx : axis === 1 ? dy : dz;
  const next = (axis + 1) % 3;
  const isBelow = beyond > 0;
  const near = isBelow
    ? search(points, order, from, start, middle, next, here)
    : search(points, order, from, middle + 1, end, next, here);
  if (beyond * beyond >= near) return near;
  return isBelow
    ? search(points, order, from, middle + 1, end, next, near)
    : search(points, order, from, start, middle, next, near);
}
