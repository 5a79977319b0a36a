import { NIFTI1, NIFTI2 } from 'nifti-reader-js';
import { FedcardioError } from '../error.ts';
import { affineOf, determinant, voxelsOf } from './affine.ts';
import { rejectForeignFormat } from './foreign-formats.ts';
import { type Scaling, STORED_TYPES, type StoredType, storedTypeOf } from './nifti-types.ts';
import type { Affine, Grid, Vec3 } from './volume.ts';

/** Enough bytes from the start of the gunzipped file to hold any NIfTI header. */
export const HEADER_BYTES = 540;
const SIZES = { 1: 348, 2: 540 } as const;
/** A header that declares more is wrong: no scanner makes 4,096³ voxels. */
const MAX_VOXELS = 2 ** 36;

/** The declarations of a NIfTI header. They have not been checked against the voxels that follow. */
export interface NiftiHeader extends Grid {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  readonly type: StoredType;
  /** 1 and 0 if the file declares none (a slope of 0 or NaN). */
  readonly scaling: Scaling;
  /** Declared voxel size along x, y and z as stored: 0, negative or NaN from a careless writer. */
  readonly pixdim: Vec3;
  readonly affineFrom: 'sform' | 'qform' | 'pixdim';
  /** Position of the first voxel in the gunzipped file, after any extensions. */
  readonly dataOffset: number;
  /** Bytes of all voxels. */
  readonly dataBytes: number;
  readonly description: string;
}

/**
 * Reads a NIfTI-1 or NIfTI-2 header of either byte order.
 *
 * The fields come from nifti-reader-js, but its affine is not used: for NIfTI-1 it prefers the qform to an sform of
 * lower code, and it ignores NIfTI-2's qform. As in nibabel, the sform counts if its code is above 0, else the qform,
 * else the voxel size alone. Its parser of extensions is not used either: a malformed extension can keep it in an
 * endless loop, and reading needs only the data offset.
 *
 * @param first the first bytes of the gunzipped file: {@link HEADER_BYTES}, or all there are
 * @throws BAD_IMAGE unless this is a NIfTI file of one three-dimensional volume of numbers
 */
export function parseHeader(first: Uint8Array): NiftiHeader {
  const version = versionOf(first);
  // Copies into a buffer of its own: slice() of a Buffer is a view.
  const bytes = Uint8Array.from(first.subarray(0, SIZES[version]));
  const raw = version === 1 ? new NIFTI1() : new NIFTI2();
  raw.readHeader(bytes.buffer);
  const type = storedTypeOf(raw.datatypeCode);
  const shape = shapeOf(raw.dims);
  const dataOffset = raw.vox_offset || SIZES[version] + 4;
  if (!Number.isInteger(dataOffset) || dataOffset < SIZES[version] || dataOffset > 2 ** 31) {
    throw new FedcardioError('BAD_IMAGE', `Its header says that the voxels start at byte ${raw.vox_offset}.`, {
      hint: 'The header is damaged: export the volume again.',
    });
  }
  return {
    version,
    littleEndian: raw.littleEndian,
    shape,
    type,
    scaling: scalingOf(raw.scl_slope, raw.scl_inter),
    pixdim: raw.pixDims.slice(1, 4) as unknown as Vec3,
    ...orientationFields(raw, bytes),
    dataOffset,
    dataBytes: voxelsOf(shape) * STORED_TYPES[type].bytes,
    description: raw.description,
  };
}

function versionOf(first: Uint8Array): 1 | 2 {
  const magic = (at: number) => String.fromCharCode(...first.subarray(at, at + 3));
  const view = new DataView(first.buffer, first.byteOffset, first.byteLength);
  const size = first.length < 4 ? 0 : view.getInt32(0, true);
  const swapped = first.length < 4 ? 0 : view.getInt32(0, false);
  for (const version of [1, 2] as const) {
    if (size !== SIZES[version] && swapped !== SIZES[version]) continue;
    if (first.length < SIZES[version]) {
      throw new FedcardioError('BAD_IMAGE', `It ends after ${first.length} bytes, within the NIfTI header.`, {
        hint: 'The upload or the export was cut off: upload the whole file again.',
      });
    }
    const found = magic(version === 1 ? 344 : 4);
    if (found === `n+${version}`) return version;
    if (found === `ni${version}` || found === '\0\0\0') {
      throw new FedcardioError('BAD_IMAGE', 'It is the header half of a pair of files (.hdr and .img).', {
        hint: 'Export the volume as one NIfTI file (.nii or .nii.gz).',
      });
    }
  }
  rejectForeignFormat(first);
  throw new FedcardioError('BAD_IMAGE', 'It is not a NIfTI file.', {
    hint: 'Export the volume as NIfTI (.nii.gz), for example from 3D Slicer or with dcm2niix.',
  });
}

function shapeOf(dims: readonly number[]): Vec3 {
  const [rank = 0, ...sides] = dims;
  const text = sides.slice(0, Math.min(Math.max(rank, 0), 7)).join('×');
  if (rank < 1 || rank > 7) {
    throw new FedcardioError('BAD_IMAGE', `Its header declares ${rank} dimensions.`, {
      hint: 'The header is damaged: export the volume again.',
    });
  }
  if (rank < 3) {
    throw new FedcardioError('BAD_IMAGE', `It is a ${rank}D image (${text}), not a volume.`, {
      hint: 'Upload the whole series as one 3D volume.',
    });
  }
  if (sides.slice(3, rank).some((side) => side > 1)) {
    throw new FedcardioError('BAD_IMAGE', `It holds several volumes (${text}).`, {
      hint: 'Upload one heart phase, or one label, as a 3D volume.',
    });
  }
  const shape = sides.slice(0, 3) as unknown as Vec3;
  if (shape.some((side) => !Number.isInteger(side) || side < 1)) {
    throw new FedcardioError('BAD_IMAGE', `It holds no voxels: its header declares a size of ${text}.`, {
      hint: 'Export the volume again and check that it is not empty.',
    });
  }
  if (voxelsOf(shape) > MAX_VOXELS) {
    throw new FedcardioError('BAD_IMAGE', `Its header declares an impossible size of ${text} voxels.`, {
      hint: 'The header is damaged: export the volume again.',
    });
  }
  return shape;
}

function scalingOf(slope: number, intercept: number): Scaling {
  if (slope === 0 || !Number.isFinite(slope)) return { slope: 1, intercept: 0 };
  if (!Number.isFinite(intercept)) {
    throw new FedcardioError('BAD_IMAGE', `Its header scales the voxels by ${slope} and adds ${intercept}.`, {
      hint: 'The header is damaged: export the volume again.',
    });
  }
  return { slope, intercept };
}

type Raw = InstanceType<typeof NIFTI1> | InstanceType<typeof NIFTI2>;

function orientationFields(raw: Raw, bytes: Uint8Array): Pick<NiftiHeader, 'affine' | 'affineFrom'> {
  const affineFrom = raw.sform_code > 0 ? 'sform' : raw.qform_code > 0 ? 'qform' : 'pixdim';
  const affine =
    affineFrom === 'sform' ? sformOf(raw, bytes) : affineFrom === 'qform' ? qformOf(raw) : pixdimAffine(raw);
  if (affine.flat().every(Number.isFinite) && determinant(affine) !== 0) return { affine, affineFrom };
  const sizes = raw.pixDims.slice(1, 4);
  const reason = sizes.every((size) => Number.isFinite(size) && size !== 0)
    ? `Its orientation (${affineFrom}) is not usable: it holds zeros or values that are not numbers.`
    : spacingReason(sizes);
  throw new FedcardioError('BAD_IMAGE', reason, {
    hint: 'The voxel spacing or the orientation was lost: export the volume from its DICOM series again.',
  });
}

/** Message for a voxel spacing of zeros or NaN. */
export const spacingReason = (pixdim: readonly number[]): string =>
  `Its voxel spacing is given as ${pixdim.join(' × ')} mm.`;

/** nifti-reader-js keeps the rows only for NIfTI-2. It overwrites those of NIfTI-1 if it prefers the qform. */
function sformOf(raw: Raw, bytes: Uint8Array): Affine {
  if (raw instanceof NIFTI2) return affineOf(raw.affine);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const row = (r: number) => [0, 1, 2, 3].map((c) => view.getFloat32(280 + (r * 4 + c) * 4, raw.littleEndian));
  return affineOf([row(0), row(1), row(2)]);
}

/** Method 2 of nifti1.h: rotation by a unit quaternion (a, b, c, d), voxel size, and offset. */
function qformOf(raw: Raw): Affine {
  const { quatern_b: b, quatern_c: c, quatern_d: d } = raw;
  const [sign = 1, dx = 0, dy = 0, dz = 0] = raw.pixDims;
  const a = Math.sqrt(Math.max(0, 1 - (b * b + c * c + d * d)));
  const z = sign < 0 ? -dz : dz;
  return affineOf([
    [(a * a + b * b - c * c - d * d) * dx, 2 * (b * c - a * d) * dy, 2 * (b * d + a * c) * z, raw.qoffset_x],
    [2 * (b * c + a * d) * dx, (a * a + c * c - b * b - d * d) * dy, 2 * (c * d - a * b) * z, raw.qoffset_y],
    [2 * (b * d - a * c) * dx, 2 * (c * d + a * b) * dy, (a * a + d * d - b * b - c * c) * z, raw.qoffset_z],
  ]);
}

/**
 * Method 1, with neither sform nor qform. As in nibabel and SPM, x runs to the left and the world's origin is the
 * centre of the volume.
 */
function pixdimAffine(raw: Raw): Affine {
  const [, dx = 0, dy = 0, dz = 0] = raw.pixDims;
  const [, nx = 1, ny = 1, nz = 1] = raw.dims;
  return affineOf([
    [-dx, 0, 0, ((nx - 1) / 2) * dx],
    [0, dy, 0, (-(ny - 1) / 2) * dy],
    [0, 0, dz, (-(nz - 1) / 2) * dz],
  ]);
}
