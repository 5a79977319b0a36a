import type { SwinUnetrConfig } from '../federation/schemas.ts';

/** Offsets of a corner along z, y and x. */
export type Corner = readonly [number, number, number];

/** Corners of a 2³ cube in the order of MONAI's `PatchMerging` from version 1.5 on. */
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

/** Corners of the network's own axes that MONAI 0.9 to 1.4 reads: two of them twice, and two never. */
const CORNERS_OF_MONAI_1_4: readonly Corner[] = [
  [0, 0, 0],
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
  [1, 0, 1],
  [0, 1, 0],
  [0, 0, 1],
  [1, 1, 1],
];

/** The corners whose features patch merging concatenates, in this order. */
export const cornersOf = ({ merging }: SwinUnetrConfig): readonly Corner[] =>
  merging === 'monai-1.4' ? CORNERS_OF_MONAI_1_4 : CORNERS;
