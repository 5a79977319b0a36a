/** From voxel to world, row by row: world = affine · (x, y, z, 1), in mm, world axes RAS (NIfTI's convention). */
export type Affine = readonly [Row, Row, Row, Row];
type Row = readonly [number, number, number, number];

/** Three numbers along x, y and z: a position or a spacing in mm, or counts or indices of voxels. */
export type Vec3 = readonly [number, number, number];

/** Types of array that hold voxels. */
export type VoxelArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;

/** Positions of voxels. `shape` is [nx, ny, nz]; the world position of a voxel is that of its centre. */
export interface Grid {
  readonly shape: Vec3;
  readonly affine: Affine;
}

/**
 * A 3D image. `shape` is [nx, ny, nz]; x is the fastest axis: voxel (x, y, z) is `data[x + nx * (y + ny * z)]`. Read as
 * a tensor, the same data has the shape [nz, ny, nx].
 */
export interface Volume<T extends VoxelArray = VoxelArray> extends Grid {
  readonly data: T;
}

/** A point in world coordinates (RAS, mm), or null if missing. `label` is its class, from 1. */
export interface Landmark {
  readonly label: number;
  readonly position: Vec3 | null;
}
