import { NIFTI1, NIFTI2 } from 'nifti-reader-js';
import { FedcardioError } from '../error.ts';
import { voxelsOf } from './affine.ts';
import { rejectForeignFormat } from './foreign-formats.ts';
import { type Orientation, orientationFields } from './nifti-orientation.ts';
import { type Scaling, STORED_TYPES, type StoredType, storedTypeOf } from './nifti-types.ts';
import type { Grid, Vec3 } from './volume.ts';

/** Enough bytes from the start of the gunzipped file to hold any NIfTI header. */
export const HEADER_BYTES = 540;
const SIZES = { 1: 348, 2: 540 } as const;
/** A header that declares more is wrong: no scanner makes 4,096³ voxels. */
const MAX_VOXELS = 2 ** 36;
/**
 * Limit of the voxels as stored, bytes. 1,024³ voxels of two bytes reach it, and no cardiac CT is larger. Voxels are
 * held in one array, which Node 20 allocates up to 4 GiB: a volume and its scaled copy must each fit.
 */
export const MAX_VOXEL_BYTES = 2 ** 31;

/** The declarations of a NIfTI header. They have not been checked against the voxels that follow. */
export interface NiftiHeader extends Grid, Orientation {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  readonly type: StoredType;
  /** 1 and 0 if the file declares none (a slope of 0 or NaN). */
  readonly scaling: Scaling;
  /** Position of the first voxel in the gunzipped file, after any extensions. */
  readonly dataOffset: number;
  /** Bytes of all voxels. */
  readonly dataBytes: number;
  readonly description: string;
}

/**
 * Reads a NIfTI-1 or NIfTI-2 header of either byte order.
 *
 * The fields come from nifti-reader-js, but not its affine (see {@link orientationFields}) and not its extensions: a
 * malformed one can keep its parser in an endless loop, and reading needs only the data offset.
 *
 * @param first the first bytes of the gunzipped file: {@link HEADER_BYTES}, or all there are
 * @throws BAD_IMAGE unless this is a NIfTI file of one three-dimensional volume of numbers whose orientation all
 * programs read alike, of at most {@link MAX_VOXEL_BYTES}
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
    ...orientationFields(raw, bytes, shape),
    dataOffset,
    dataBytes: dataBytesOf(shape, type),
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

function dataBytesOf(shape: Vec3, type: StoredType): number {
  const bytes = voxelsOf(shape) * STORED_TYPES[type].bytes;
  if (bytes <= MAX_VOXEL_BYTES) return bytes;
  const gib = (count: number) => `${Number((count / 2 ** 30).toFixed(2))} GiB`;
  throw new FedcardioError(
    'BAD_IMAGE',
    `It is too large: ${shape.join('×')} voxels of ${type} are ${gib(bytes)}; at most ${gib(MAX_VOXEL_BYTES)} are read.`,
    { hint: 'Export one heart phase of the chest as 16-bit integers; a label as 8-bit integers.' },
  );
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
