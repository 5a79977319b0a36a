import { createHash } from 'node:crypto';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { HEADER_BYTES, type NiftiHeader, parseHeader } from './nifti-header.ts';
import {
  checkDeclaredBytes,
  explainGunzip,
  gunzipAll,
  gunzipStart,
  MAX_DEFLATE_RATIO,
  MAX_TRAILING_BYTES,
  tooMuchData,
} from './nifti-read.ts';
import { decodeValues, STORED_TYPES } from './nifti-types.ts';
import { isGzip } from './sniff.ts';
import type { VoxelArray } from './volume.ts';

export interface NiftiScan {
  readonly header: NiftiHeader;
  /** SHA-256 of the voxels as stored: the same volume gzipped anew, or with another description, has the same. */
  readonly sha256: string;
}

export interface ScanVisitor {
  /** Called before more than the first bytes are read. Throws to refuse the file. */
  header(header: NiftiHeader): void;
  /** Called with the stored values, piece by piece in file order. The array is valid during the call only. */
  values(stored: VoxelArray, header: NiftiHeader): void;
}

/** What is read before the header is looked at: compressed, it is within. */
const OPENING_BYTES = 1 << 14;

/**
 * Reads a NIfTI file once, piece by piece, gzipped or not, and holds no more of it than the pieces on their way. It
 * reads to the end, so that gzip's own checksum is checked too; of a file whose header is refused it asks for no
 * piece beyond the first 16 KiB. The source is closed in any case.
 *
 * @param source the file's bytes in pieces of any size
 * @param fileBytes size of the object, by which a header that declares too much is refused before the rest is read
 * @throws BAD_IMAGE as `readNifti` does, what the visitor throws, and the source's own errors as they are
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

/** The beginning of a file, and whether that is all of it. */
async function opening(pieces: AsyncIterator<Uint8Array>, fileBytes: number) {
  let bytes: Uint8Array = new Uint8Array(0);
  while (bytes.length < Math.min(OPENING_BYTES, fileBytes)) {
    const { done, value } = await pieces.next();
    if (done) return { bytes, isAll: true };
    bytes = join(bytes, value);
  }
  return { bytes, isAll: bytes.length >= fileBytes };
}

/** Of a file that ends within its header, unpacking all of it tells whether it was cut off or is that short. */
function headerBytes(bytes: Uint8Array, isAll: boolean): Uint8Array {
  const first = gunzipStart(bytes);
  return isAll && first.length < HEADER_BYTES ? gunzipAll(bytes, HEADER_BYTES) : first;
}

async function* rejoin(taken: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield taken;
  yield* { [Symbol.asyncIterator]: () => rest };
}

/** Unpacks in another thread, which leaves this one to the values. */
function gunzipped(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  // One piece ahead: the source has its own idea of how much is worth having early.
  const packed = Readable.from(pieces, { highWaterMark: 1 });
  return pipeline(packed, createGunzip({ chunkSize: 1 << 18 }), () => {});
}

/** Takes the file in pieces of any size from its first byte on, and hands on whole voxels. */
function voxelTaker(header: NiftiHeader, visitor: ScanVisitor) {
  const hash = createHash('sha256');
  const end = header.dataOffset + header.dataBytes;
  const size = STORED_TYPES[header.type].bytes;
  let position = 0;
  /** The bytes of a voxel that the last piece broke in two. */
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
