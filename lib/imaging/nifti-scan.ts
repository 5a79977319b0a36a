import { createHash } from 'node:crypto';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { voxelsOf } from './affine.ts';
import { isGzip } from './foreign-formats.ts';
import { HEADER_BYTES, type NiftiHeader, parseHeader } from './nifti-header.ts';
import {
  checkDeclaredBytes,
  explainGunzip,
  gunzipAll,
  gunzipStart,
  MAX_DEFLATE_RATIO,
  MAX_TRAILING_BYTES,
  type NiftiVolume,
  named,
  tooMuchData,
} from './nifti-read.ts';
import { decodeValues, STORED_TYPES, scaleValues } from './nifti-types.ts';
import type { VoxelArray } from './volume.ts';

export interface NiftiScan {
  readonly header: NiftiHeader;
  /** SHA-256 of the voxels as stored. It does not depend on compression or on the description. */
  readonly sha256: string;
}

export interface ScanVisitor {
  /** Called after the first bytes, before the rest is read. Throws to refuse the file. */
  header(header: NiftiHeader): void;
  /** Called with the stored values, piece by piece in file order. The array is only valid during the call. */
  values(stored: VoxelArray, header: NiftiHeader): void;
}

/** Bytes that are read before the header is parsed. Compressed, they contain it. */
const OPENING_BYTES = 1 << 14;

/**
 * Reads a NIfTI file once, gzipped or not, holding only the pieces in flight. It reads to the end, so that the gzip
 * checksum is verified. If the header is refused, it reads no piece beyond the first 16 KiB. The source is always
 * closed.
 *
 * @param source the file's bytes in pieces of any size
 * @param fileBytes size of the object: a header that declares more is refused before the rest is read
 * @throws BAD_IMAGE as `readNifti` does; the visitor's and the source's own errors unchanged
 */
export async function scanNifti(
  source: AsyncIterable<Uint8Array>,
  fileBytes: number,
  visitor: ScanVisitor,
): Promise<NiftiScan> {
  const pieces = source[Symbol.asyncIterator]();
  try {
    const { bytes, isAll } = await opening(pieces, fileBytes);
    const zipped = isGzip(bytes);
    const header = parseHeader(zipped ? headerBytes(bytes, isAll) : bytes);
    checkDeclaredBytes(header, zipped ? fileBytes * MAX_DEFLATE_RATIO : fileBytes);
    visitor.header(header);
    const take = voxelTaker(header, visitor);
    if (isAll) {
      take.piece(zipped ? gunzipAll(bytes, header.dataOffset + header.dataBytes) : bytes);
    } else {
      const file = rejoin(bytes, pieces);
      for await (const piece of zipped ? gunzipped(file) : file) take.piece(piece);
    }
    return take.end();
  } catch (error) {
    throw explainGunzip(error);
  } finally {
    await pieces.return?.();
  }
}

/**
 * Reads a NIfTI file as `readNifti` does, from a stream: only the voxels are held, not the file.
 *
 * @param name the file's name in errors
 * @throws BAD_IMAGE as `readNifti` does; the source's own errors unchanged
 */
export async function readNiftiStream(
  source: AsyncIterable<Uint8Array>,
  fileBytes: number,
  name = 'The file',
): Promise<NiftiVolume> {
  // Voxels of the whole volume, in the array type of its pieces.
  let stored: VoxelArray = new Uint8Array(0);
  let count = 0;
  try {
    const { header } = await scanNifti(source, fileBytes, {
      header: () => {},
      values: (piece, { shape }) => {
        if (count === 0) stored = new (piece.constructor as new (length: number) => VoxelArray)(voxelsOf(shape));
        stored.set(piece, count);
        count += piece.length;
      },
    });
    return { shape: header.shape, affine: header.affine, data: scaleValues(stored, header.scaling), header };
  } catch (error) {
    throw named(name, error);
  }
}

/** The start of a file, and whether that is the whole file. */
async function opening(pieces: AsyncIterator<Uint8Array>, fileBytes: number) {
  let bytes: Uint8Array = new Uint8Array(0);
  while (bytes.length < Math.min(OPENING_BYTES, fileBytes)) {
    const { done, value } = await pieces.next();
    if (done) return { bytes, isAll: true };
    bytes = join(bytes, value);
  }
  return { bytes, isAll: bytes.length >= fileBytes };
}

/** If a file ends inside its header, unpacking all of it tells whether it was cut off or is that short. */
function headerBytes(bytes: Uint8Array, isAll: boolean): Uint8Array {
  const first = gunzipStart(bytes);
  return isAll && first.length < HEADER_BYTES ? gunzipAll(bytes, HEADER_BYTES) : first;
}

async function* rejoin(taken: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield taken;
  yield* { [Symbol.asyncIterator]: () => rest };
}

/** Unpacks in another thread; this one processes the values. */
function gunzipped(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  // One piece ahead: the source decides how much it prefetches.
  const packed = Readable.from(pieces, { highWaterMark: 1 });
  return pipeline(packed, createGunzip({ chunkSize: 1 << 18 }), () => {});
}

/** Takes the file in pieces of any size from its first byte and passes on whole voxels. */
function voxelTaker(header: NiftiHeader, visitor: ScanVisitor) {
  const hash = createHash('sha256');
  const end = header.dataOffset + header.dataBytes;
  const size = STORED_TYPES[header.type].bytes;
  let position = 0;
  /** Bytes of the voxel that the last piece cut in two. */
  let broken: Uint8Array = new Uint8Array(0);
  return {
    piece(bytes: Uint8Array): void {
      const fresh = bytes.subarray(Math.max(0, header.dataOffset - position), Math.max(0, end - position));
      position += bytes.length;
      if (position > end + MAX_TRAILING_BYTES) throw tooMuchData();
      hash.update(fresh);
      const ready = join(broken, fresh);
      const whole = ready.length - (ready.length % size);
      broken = Uint8Array.from(ready.subarray(whole));
      if (whole > 0) visitor.values(decodeValues(ready.subarray(0, whole), header.type, header.littleEndian), header);
    },
    end(): NiftiScan {
      checkDeclaredBytes(header, position);
      return { header, sha256: hash.digest('hex') };
    },
  };
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
