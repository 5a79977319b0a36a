/** `linear` interpolates HU; `nearest` keeps the stored values and suits labels. */
export type Interpolation = 'linear' | 'nearest';

/** From this step on, in source voxels, linear resampling averages over the new voxel instead of interpolating. */
export const AVERAGE_FROM_STEP = 1.5;

/** Writes plane z of a resampled image, nx · ny voxels, into `target`, which has that length. */
export type PlaneWriter = (z: number, target: Float32Array) => void;
