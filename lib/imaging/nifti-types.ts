import { endianness } from 'node:os';
import { FedcardioError } from '../error.ts';
import type { VoxelArray } from './volume.ts';

/** Type of a voxel's number in a file. */
export type StoredType =
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'float32'
  | 'float64';

/** NIfTI's data type code, and bytes of a voxel. */
export const STORED_TYPES: Readonly<Record<StoredType, { readonly code: number; readonly bytes: number }>> = {
  uint8: { code: 2, bytes: 1 },
  int16: { code: 4, bytes: 2 },
  int32: { code: 8, bytes: 4 },
  float32: { code: 16, bytes: 4 },
  float64: { code: 64, bytes: 8 },
  int8: { code: 256, bytes: 1 },
  uint16: { code: 512, bytes: 2 },
  uint32: { code: 768, bytes: 4 },
  int64: { code: 1024, bytes: 8 },
  uint64: { code: 1280, bytes: 8 },
};

const OTHER_TYPES: Readonly<Record<number, string>> = {
  1: 'one bit per voxel',
  32: 'complex numbers',
  128: 'colours (RGB)',
  1536: '128-bit numbers',
  1792: 'complex numbers',
  2048: 'complex numbers',
  2304: 'colours (RGBA)',
};

/**
 * The data type of a NIfTI code.
 *
 * @throws BAD_IMAGE for colours, complex numbers and undefined codes
 */
export function storedTypeOf(code: number): StoredType {
  const found = Object.entries(STORED_TYPES).find(([, type]) => type.code === code);
  if (found) return found[0] as StoredType;
  throw new FedcardioError('BAD_IMAGE', `Its voxels are ${OTHER_TYPES[code] ?? `of unknown type ${code}`}.`, {
    hint: 'Export the volume with one number per voxel, in HU.',
  });
}

/** The type that an array of voxels is stored as. */
export function storedTypeOfArray(data: VoxelArray): StoredType {
  return data.constructor.name.replace('Array', '').toLowerCase() as StoredType;
}

const NATIVE_LITTLE = endianness() === 'LE';

/**
 * Voxel values as stored, without slope and intercept. A view of `bytes` if byte order and alignment allow, otherwise a
 * copy. 64-bit integers become float64.
 *
 * @param bytes a whole number of voxels
 * @throws BAD_IMAGE for a 64-bit integer beyond ±2⁵³, which float64 cannot hold exactly
 */
export function decodeValues(bytes: Uint8Array, type: StoredType, littleEndian: boolean): VoxelArray {
  const size = STORED_TYPES[type].bytes;
  const native = inNativeOrder(bytes, size, littleEndian);
  const args = [native.buffer as ArrayBuffer, native.byteOffset, native.byteLength / size] as const;
  switch (type) {
    case 'int8':
      return new Int8Array(...args);
    case 'uint8':
      return new Uint8Array(...args);
    case 'int16':
      return new Int16Array(...args);
    case 'uint16':
      return new Uint16Array(...args);
    case 'int32':
      return new Int32Array(...args);
    case 'uint32':
      return new Uint32Array(...args);
    case 'float32':
      return new Float32Array(...args);
    case 'float64':
      return new Float64Array(...args);
    case 'int64':
      return fromBigInts(new BigInt64Array(...args));
    case 'uint64':
      return fromBigInts(new BigUint64Array(...args));
  }
}

function inNativeOrder(bytes: Uint8Array, size: number, littleEndian: boolean): Uint8Array {
  const swap = size > 1 && littleEndian !== NATIVE_LITTLE;
  if (!swap && bytes.byteOffset % size === 0) return bytes;
  const copy = Buffer.from(new ArrayBuffer(bytes.byteLength));
  copy.set(bytes);
  if (!swap) return copy;
  return size === 2 ? copy.swap16() : size === 4 ? copy.swap32() : copy.swap64();
}

function fromBigInts(values: BigInt64Array | BigUint64Array): Float64Array {
  const result = new Float64Array(values.length);
  for (let i = 0; i < values.length; i += 1) {
    const value = Number(values[i]);
    if (!Number.isSafeInteger(value)) {
      throw new FedcardioError('BAD_IMAGE', `It holds the value ${values[i]}, which is too large to be exact.`, {
        hint: 'Export the volume as 16-bit integers in HU.',
      });
    }
    result[i] = value;
  }
  return result;
}

/** Meaning of a stored value: slope · stored + intercept. */
export interface Scaling {
  readonly slope: number;
  readonly intercept: number;
}

/**
 * Stored values with slope and intercept applied. Without scaling it is the same array. With whole slope and intercept
 * the result is int16 if all values fit: most CTs have an intercept of −1024, and float32 would take twice the memory.
 * Otherwise it is float32, or float64 for stored types that float32 cannot hold.
 */
export function scaleValues(stored: VoxelArray, { slope, intercept }: Scaling): VoxelArray {
  if (slope === 1 && intercept === 0) return stored;
  const wide = stored.BYTES_PER_ELEMENT > 2 && !(stored instanceof Float32Array);
  const scaled = fitsInt16(stored, slope, intercept)
    ? new Int16Array(stored.length)
    : wide
      ? new Float64Array(stored.length)
      : new Float32Array(stored.length);
  for (let i = 0; i < stored.length; i += 1) scaled[i] = slope * (stored[i] as number) + intercept;
  return scaled;
}

function fitsInt16(stored: VoxelArray, slope: number, intercept: number): boolean {
  const whole = Number.isInteger(slope) && Number.isInteger(intercept);
  if (!whole || stored instanceof Float32Array || stored instanceof Float64Array) return false;
  let [least, most] = [0, 0];
  for (let i = 0; i < stored.length; i += 1) {
    const value = stored[i] as number;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const ends = [slope * least + intercept, slope * most + intercept];
  return Math.min(...ends) >= -32768 && Math.max(...ends) <= 32767;
}
