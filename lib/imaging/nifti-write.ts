import { gzipSync } from 'node:zlib';
import { FedcardioError } from '../error.ts';
import { column, determinant, spacingOf, voxelsOf } from './affine.ts';
import { STORED_TYPES, storedTypeOfArray } from './nifti-types.ts';
import type { Affine, Volume } from './volume.ts';

const DATA_OFFSET = 352;
const UNITS_MM = 2;
/** "Scanner anatomical": world coordinates are the patient's. */
const FORM_CODE = 1;
const UNKNOWN_OS = 255;

/** Options of {@link writeNifti}. */
export interface WriteOptions {
  /** Default true. */
  readonly gzip?: boolean;
  /** At most 79 bytes are kept. */
  readonly description?: string;
}

/**
 * The volume as one NIfTI-1 file, little-endian, in the type of its array. The affine goes into the sform, and into the
 * qform if it has no shear. The same volume gives the same bytes.
 *
 * @throws BAD_IMAGE if the array does not fit the shape, or a side exceeds NIfTI-1's 32,767 voxels
 */
export function writeNifti(volume: Volume, { gzip = true, description = '' }: WriteOptions = {}): Uint8Array {
  const { shape, data } = volume;
  if (voxelsOf(shape) !== data.length || shape.some((side) => side < 1 || side > 32767)) {
    throw new FedcardioError('BAD_IMAGE', `${data.length} voxels cannot be written as ${shape.join('×')}.`);
  }
  const file = Buffer.alloc(DATA_OFFSET + data.byteLength);
  writeHeader(file, volume, description);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), DATA_OFFSET);
  if (!gzip) return file;
  const packed = gzipSync(file);
  // zlib writes no time but the operating system, the one byte that differs between machines.
  packed[9] = UNKNOWN_OS;
  return packed;
}

function writeHeader(file: Buffer, { shape, affine, data }: Volume, description: string): void {
  const type = STORED_TYPES[storedTypeOfArray(data)];
  const spacing = spacingOf(affine);
  const rotation = quaternionOf(affine);
  file.writeInt32LE(348, 0);
  [3, ...shape, 1, 1, 1, 1].forEach((side, i) => {
    file.writeInt16LE(side, 40 + 2 * i);
  });
  file.writeInt16LE(type.code, 70);
  file.writeInt16LE(type.bytes * 8, 72);
  [rotation?.qfac ?? 1, ...spacing, 0, 0, 0, 0].forEach((size, i) => {
    file.writeFloatLE(size, 76 + 4 * i);
  });
  file.writeFloatLE(DATA_OFFSET, 108);
  file.writeFloatLE(1, 112);
  file.writeUInt8(UNITS_MM, 123);
  file.set(Buffer.from(description, 'utf8').subarray(0, 79), 148);
  if (rotation) {
    file.writeInt16LE(FORM_CODE, 252);
    [...rotation.bcd, affine[0][3], affine[1][3], affine[2][3]].forEach((value, i) => {
      file.writeFloatLE(value, 256 + 4 * i);
    });
  }
  file.writeInt16LE(FORM_CODE, 254);
  [...affine[0], ...affine[1], ...affine[2]].forEach((value, i) => {
    file.writeFloatLE(value, 280 + 4 * i);
  });
  file.write('n+1\0', 344, 'latin1');
}

/**
 * The rotation of an affine as NIfTI's quaternion (b, c, d; a ≥ 0 follows), and qfac −1 if z must be flipped to make it
 * a rotation. Undefined if the axes are not perpendicular. Shepperd's method (1978): the largest component comes from
 * the diagonal, the others follow from it.
 */
function quaternionOf(affine: Affine): { bcd: readonly [number, number, number]; qfac: 1 | -1 } | undefined {
  const spacing = spacingOf(affine);
  const qfac = determinant(affine) < 0 ? -1 : 1;
  const [x, y, z] = ([0, 1, 2] as const).map((axis) =>
    column(affine, axis).map((step) => (step / spacing[axis]) * (axis === 2 ? qfac : 1)),
  ) as [number[], number[], number[]];
  const dot = (p: number[], q: number[]) => p.reduce((sum, value, i) => sum + value * (q[i] as number), 0);
  if (Math.max(Math.abs(dot(x, y)), Math.abs(dot(y, z)), Math.abs(dot(x, z))) > 1e-4) return undefined;
  const [r11, r21, r31] = x as [number, number, number];
  const [r12, r22, r32] = y as [number, number, number];
  const [r13, r23, r33] = z as [number, number, number];
  // Four times the products of the components, one row for each that may be the largest.
  const rows = [
    [1 + r11 + r22 + r33, r32 - r23, r13 - r31, r21 - r12],
    [r32 - r23, 1 + r11 - r22 - r33, r21 + r12, r13 + r31],
    [r13 - r31, r21 + r12, 1 - r11 + r22 - r33, r32 + r23],
    [r21 - r12, r13 + r31, r32 + r23, 1 - r11 - r22 + r33],
  ] as const;
  const pivots = [rows[0][0], rows[1][1], rows[2][2], rows[3][3]] as const;
  const largest = pivots.indexOf(Math.max(...pivots)) as 0 | 1 | 2 | 3;
  const [a, b, c, d] = rows[largest].map((value) => value / (2 * Math.sqrt(pivots[largest])));
  const sign = (a as number) < 0 ? -1 : 1;
  return { bcd: [sign * (b as number), sign * (c as number), sign * (d as number)], qfac };
}
