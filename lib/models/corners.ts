/** Offsets of a corner along z, y and x. */
export type Corner = readonly [number, number, number];

/**
 * Corners of a 2³ cube in the order of MONAI's `PatchMerging` from version 1.5 on. Earlier versions read two of them
 * twice and two never.
 */
export const CORNERS: readonly Corner[] = [
  [0, 0, 0],
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
  [1, 1, 0],
  [1, 0, 1],
  [0, 1, 1],
  [1, 1, 1],
];
