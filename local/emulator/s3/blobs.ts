import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';

/** Bytes in an immutable file. An object is one segment, or its parts in order. */
export interface Segment {
  readonly file: string;
  readonly bytes: number;
}

/** Files of object bodies. A file is valid only if the journal names it. */
export interface Blobs {
  /** Streams a body to a new file. Removes the file if the source fails. */
  write(source: AsyncIterable<Uint8Array>): Promise<Segment>;
  /** Bytes from `start` to `end` (exclusive) of the concatenated segments. Removal waits until the stream has closed. */
  read(segments: readonly Segment[], start: number, end: number): Readable;
  /**
   * The same for one who is done with a chunk when he asks for the next one: all chunks share memory. New memory for each would cost
   * half of the time of an answer. Must be iterated: removal waits for its end.
   */
  lend(segments: readonly Segment[], start: number, end: number): AsyncIterable<Uint8Array>;
  remove(segments: readonly Segment[]): Promise<void>;
  /** Removes all other files, which a killed process was writing or about to remove. */
  keepOnly(files: ReadonlySet<string>): Promise<void>;
}

const FOLDERS = 256;

/** Opens the files below a directory and creates it if necessary. */
export async function openBlobs(directory: string): Promise<Blobs> {
  const folderOf = (file: string) => join(directory, file.slice(0, 2));
  const pathOf = (file: string) => join(folderOf(file), file);
  /** Number of open readers by file. The last one removes a file of {@link removeWhenUnread}. */
  const readers = new Map<string, number>();
  const removeWhenUnread = new Set<string>();

  const removeFile = (file: string) => rm(pathOf(file), { force: true });
  function hold(segments: readonly Segment[]): () => void {
    for (const { file } of segments) readers.set(file, (readers.get(file) ?? 0) + 1);
    return () => {
      for (const { file } of segments) {
        const left = (readers.get(file) ?? 1) - 1;
        if (left > 0) readers.set(file, left);
        else {
          readers.delete(file);
          // What cannot be removed now, the next start removes.
          if (removeWhenUnread.delete(file)) void removeFile(file).catch(() => undefined);
        }
      }
    };
  }
  await Promise.all(Array.from({ length: FOLDERS }, (_, i) => mkdir(join(directory, hex(i)), { recursive: true })));

  return {
    async write(source) {
      const file = randomUUID();
      const handle = await open(pathOf(file), 'wx');
      let bytes = 0;
      try {
        for await (const chunks of batched(source)) bytes += await writeAll(handle, chunks);
        await handle.close();
        return { file, bytes };
      } catch (error) {
        // Closing fails likewise on some full disks.
        await handle.close().catch(() => undefined);
        await rm(pathOf(file), { force: true });
        throw error;
      }
    },
    read(segments, start, end) {
      const stream = Readable.from(readRanges(rangesOf(segments, start, end, pathOf)), { objectMode: false });
      return stream.once('close', hold(segments));
    },
    lend(segments, start, end) {
      return lentChunks(rangesOf(segments, start, end, pathOf), hold(segments));
    },
    async remove(segments) {
      for (const { file } of segments) if (readers.has(file)) removeWhenUnread.add(file);
      await Promise.all(segments.flatMap(({ file }) => (readers.has(file) ? [] : [removeFile(file)])));
    },
    async keepOnly(files) {
      for (let i = 0; i < FOLDERS; i++) {
        const folder = join(directory, hex(i));
        const orphans = (await readdir(folder)).filter((file) => !files.has(file));
        await Promise.all(orphans.map((file) => rm(join(folder, file), { force: true })));
      }
    },
  };
}

/**
 * Bytes per write. One call for each chunk of the network would cost as much as hashing it. A chunk of so many bytes is written
 * before the next one is asked for.
 */
export const WRITE_BYTES = 1024 ** 2;

async function* batched(source: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Uint8Array[]> {
  let chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes < WRITE_BYTES) continue;
    yield chunks;
    chunks = [];
    bytes = 0;
  }
  if (bytes > 0) yield chunks;
}

/** Writes all chunks, even if the first call writes only some. Returns their number of bytes. */
async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[]): Promise<number> {
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const { bytesWritten } = await handle.writev(chunks);
  if (bytesWritten < bytes) await handle.writeFile(Buffer.concat(chunks).subarray(bytesWritten));
  return bytes;
}

const hex = (value: number): string => value.toString(16).padStart(2, '0');

/** A part of a file, `to` exclusive. */
interface FileRange {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

function* rangesOf(
  segments: readonly Segment[],
  start: number,
  end: number,
  pathOf: (file: string) => string,
): Generator<FileRange> {
  let offset = 0;
  for (const segment of segments) {
    const from = Math.max(0, start - offset);
    const to = Math.min(segment.bytes, end - offset);
    offset += segment.bytes;
    if (from < to) yield { path: pathOf(segment.file), from, to };
  }
}

const READ_BYTES = 256 * 1024;

async function* readRanges(ranges: Iterable<FileRange>): AsyncGenerator<Uint8Array> {
  for (const { path, from, to } of ranges) {
    yield* createReadStream(path, { start: from, end: to - 1, highWaterMark: READ_BYTES });
  }
}

/** Memory that no reader has now, for the next ones. */
const free: Buffer[] = [];
const MOST_FREE = 16;

async function* lentChunks(ranges: Iterable<FileRange>, release: () => void): AsyncGenerator<Uint8Array> {
  const buffer = free.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
  try {
    for (const { path, from, to } of ranges) yield* chunksOf(path, from, to, buffer);
  } finally {
    if (free.length < MOST_FREE) free.push(buffer);
    release();
  }
}

async function* chunksOf(path: string, from: number, to: number, buffer: Buffer): AsyncGenerator<Uint8Array> {
  const handle = await open(path);
  try {
    for (let at = from; at < to; ) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, to - at), at);
      if (bytesRead === 0) throw new Error(`${path} ends at ${at} bytes instead of ${to}.`);
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
}
