import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { HEADER_BYTES, type NiftiHeader, parseHeader } from './nifti-header.ts';
import { checkDeclaredBytes, explainGunzip, MAX_DEFLATE_RATIO, MAX_TRAILING_BYTES, tooMuchData } from './nifti-read.ts';
import { decodeValues, STORED_TYPES } from './nifti-types.ts';
import { isGzip } from './sniff.ts';
import type { VoxelArray } from './volume.ts';

export interface NiftiScan {
  readonly header: NiftiHeader;
  /** SHA-256 of the voxels as stored: the same volume gzipped anew, or with another description, has the same. */
  readonly sha256: string;
}

export interface ScanVisitor {
  /** Called before anything else is read. Throws to refuse the file. */
  header(header: NiftiHeader): void;
  /** Called with the stored values, piece by piece in file order. The array is valid during the call only. */
  values(stored: VoxelArray, header: NiftiHeader): void;
}

/**
 * Reads a NIfTI file once, as it streams in, gzipped or not, and holds no more of it than a piece. It reads to
 * the end, so that gzip's own checksum is checked too. The source is closed in any case.
 *
 * @param fileBytes size of the object, by which a header that declares too much is refused before the rest is read
 * @throws BAD_IMAGE as `readNifti` does, what the visitor throws, and the source's own errors as they are
 */
export async function scanNifti(source: Readable, fileBytes: number, visitor: ScanVisitor): Promise<NiftiScan> {
  try {
    const first = await firstBytes(source);
    if (!isGzip(first)) return await scanPieces(source.readableEnded ? [first] : source, fileBytes, visitor);
    const gunzip = pipeline(source, createGunzip({ chunkSize: 1 << 18 }), () => {});
    return await scanPieces(gunzip, fileBytes * MAX_DEFLATE_RATIO, visitor);
  } catch (error) {
    throw explainGunzip(error);
  } finally {
    source.destroy();
  }
}

async function scanPieces(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  available: number,
  visitor: ScanVisitor,
): Promise<NiftiScan> {
  let opening: Uint8Array = new Uint8Array(0);
  let take: ReturnType<typeof voxelTaker> | undefined;
  const begin = (): ReturnType<typeof voxelTaker> => {
    const header = parseHeader(opening);
    checkDeclaredBytes(header, available);
    visitor.header(header);
    const taker = voxelTaker(header, visitor);
    taker.piece(opening);
    return taker;
  };
  for await (const piece of pieces) {
    if (take) {
      take.piece(piece);
      continue;
    }
    opening = join(opening, piece);
    if (opening.length >= HEADER_BYTES) take = begin();
  }
  return (take ?? begin()).end();
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

/** The first two bytes of a stream or more, which stay in it; or all there are, of a stream that has ended by then. */
async function firstBytes(source: Readable): Promise<Uint8Array> {
  let first: Uint8Array = new Uint8Array(0);
  while (first.length < 2 && !source.readableEnded) {
    const piece = source.read() as Uint8Array | null;
    if (piece) first = join(first, piece);
    else if (!source.readableEnded) await Promise.race([once(source, 'readable'), once(source, 'end')]);
  }
  if (!source.readableEnded) source.unshift(first);
  return first;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
