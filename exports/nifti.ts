/**
 * `fedcardio/nifti`: read and write three-dimensional NIfTI volumes, and compute with their geometry. World coordinates
 * are in mm, axes RAS (x to the patient's right, y to the front, z to the head). Functions that read throw `BAD_IMAGE`.
 */
export { type ErrorCode, FedcardioError, isFedcardioError } from '../lib/error.ts';
export {
  apply as applyAffine,
  centreOf,
  IDENTITY as IDENTITY_AFFINE,
  invert as invertAffine,
  multiply as multiplyAffines,
  sameGrid,
  spacingOf,
} from '../lib/imaging/affine.ts';
export {
  HEADER_BYTES as NIFTI_HEADER_BYTES,
  type NiftiHeader,
  parseHeader as parseNiftiHeader,
} from '../lib/imaging/nifti-header.ts';
export { type NiftiVolume, readNifti } from '../lib/imaging/nifti-read.ts';
export type { Scaling, StoredType } from '../lib/imaging/nifti-types.ts';
export { type WriteOptions, writeNifti } from '../lib/imaging/nifti-write.ts';
export { orientationOf } from '../lib/imaging/orientation.ts';
export { reorient } from '../lib/imaging/reorient.ts';
export type { Affine, Grid, Vec3, Volume, VoxelArray } from '../lib/imaging/volume.ts';
