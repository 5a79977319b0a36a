import type { Volume, VoxelArray } from './volume.ts';

/**
 * How far a voxel's value may lie from its class. A mask of floats that is stored as scaled integers comes back as, for
 * example, 0.99999999977; a probability such as 0.5 is no class.
 */
const TOLERANCE = 0.01;

/** The class that a voxel's value stands for; undefined if it is not close to an integer. */
export function classOf(value: number): number | undefined {
  const nearest = Math.round(value);
  return Math.abs(value - nearest) <= TOLERANCE ? nearest : undefined;
}

/** A class map's voxels as whole numbers. `Uint8Array.from` alone truncates 0.99999999977 to background. */
export const roundClasses = (data: Volume['data']): VoxelArray =>
  data instanceof Float32Array || data instanceof Float64Array ? data.map(Math.round) : data;
