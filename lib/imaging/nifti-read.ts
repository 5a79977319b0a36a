import { constants, gunzipSync } from 'node:zlib';
import { FedcardioError } from '../error.ts';
import { isGzip } from './foreign-formats.ts';
import { HEADER_BYTES, type NiftiHeader, parseHeader } from './nifti-header.ts';
import { decodeValues, scaleValues } from './nifti-types.ts';
import type { Volume } from './volume.ts';

/** Largest expansion by deflate: it bounds what the header of a compressed file may declare. */
export const MAX_DEFLATE_RATIO = 1032;
/** Bytes after the voxels that are ignored: some writers pad to a block. */
export const MAX_TRAILING_BYTES = 1 << 20;

/** A volume with the header that it was read with. */
export interface NiftiVolume extends Volume {
  readonly header: NiftiHeader;
}

/**
 * Reads a NIfTI-1 or NIfTI-2 file of either byte order, gzipped or not. Voxels are HU or labels: scaled if the file
 * declares a slope, otherwise integers of the stored type. The array may be a view of `bytes`.
 *
 * Memory is allocated by what the bytes can hold, never by what the header declares.
 *
 * @param name the file's name in errors
 * @throws BAD_IMAGE unless it is one complete three-dimensional volume of numbers
 */
export function readNifti(bytes: Uint8Array, name = 'The file'): NiftiVolume {
  return naming(name, () => {
    const compressed = isGzip(bytes);
    const header = parseHeader(compressed ? gunzipStart(bytes) : bytes.subarray(0, HEADER_BYTES));
    const end = header.dataOffset + header.dataBytes;
    checkDeclaredBytes(header, compressed ? bytes.length * MAX_DEFLATE_RATIO : bytes.length);
    const file = compressed ? gunzipAll(bytes, end) : bytes;
    checkDeclaredBytes(header, file.length);
    const stored = decodeValues(file.subarray(header.dataOffset, end), header.type, header.littleEndian);
    return { shape: header.shape, affine: header.affine, data: scaleValues(stored, header.scaling), header };
  });
}

/**
 * Throws if a file must be shorter than its header declares.
 *
 * @param available bytes of the gunzipped file, or an upper bound
 * @throws BAD_IMAGE
 */
export function checkDeclaredBytes(header: NiftiHeader, available: number): void {
  const end = header.dataOffset + header.dataBytes;
  if (end <= available) return;
  const size = (count: number) =>
    count < 1e6 ? `${count} bytes` : `${(count / 1e6).toLocaleString('en', { maximumFractionDigits: 1 })} MB`;
  throw new FedcardioError(
    'BAD_IMAGE',
    `Its header declares ${header.shape.join('×')} voxels (${size(end)}), but the file cannot hold more than ${size(available)}.`,
    { hint: 'The upload or the export was cut off, or the header is damaged: export and upload the file again.' },
  );
}

/** Describes a gunzip error; any other error is returned unchanged. */
export function explainGunzip(error: unknown): unknown {
  const code = (error as { readonly code?: string } | null)?.code;
  if (code === 'Z_BUF_ERROR') {
    return new FedcardioError('BAD_IMAGE', 'Its compressed data end too early.', {
      cause: error,
      hint: 'The upload or the export was cut off: upload the whole file again.',
    });
  }
  if (code?.startsWith('Z_')) {
    return new FedcardioError('BAD_IMAGE', 'Its compressed data are damaged.', {
      cause: error,
      hint: 'Upload the file again; if that does not help, export it again.',
    });
  }
  if (code === 'ERR_BUFFER_TOO_LARGE') return tooMuchData(error);
  return error;
}

export const tooMuchData = (cause?: unknown): FedcardioError =>
  new FedcardioError('BAD_IMAGE', 'It holds more data than its header declares.', {
    cause,
    hint: 'The header is damaged: export the volume again.',
  });

/** The start of a gzipped file, unpacked from its first bytes. */
export function gunzipStart(bytes: Uint8Array): Uint8Array {
  try {
    // With a sync flush, an end in the middle of the data is no error.
    return gunzipSync(bytes.subarray(0, 1 << 14), { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    throw explainGunzip(error);
  }
}

/** A whole gzipped file. */
export function gunzipAll(bytes: Uint8Array, expected: number): Uint8Array {
  try {
    // One chunk of the right size: zlib's default of 16 KB would concatenate thousands.
    return gunzipSync(bytes, { chunkSize: expected + 64, maxOutputLength: expected + MAX_TRAILING_BYTES });
  } catch (error) {
    throw explainGunzip(error);
  }
}

function naming<T>(name: string, f: () => T): T {
  try {
    return f();
  } catch (error) {
    throw named(name, error);
  }
}

/** Puts the file's name before a BAD_IMAGE message: "It is 2D" becomes "p7.nii.gz: it is 2D". */
export function named(name: string, error: unknown): unknown {
  if (!(error instanceof FedcardioError)) return error;
  return new FedcardioError(error.code, `${name}: ${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}`, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
