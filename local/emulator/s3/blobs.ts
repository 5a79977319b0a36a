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
          if (removeWhenUnread.delete(file)) void removeFile(file);
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
      const stream = Readable.from(readSegments(segments, start, end, pathOf), { objectMode: false });
      return stream.once('close', hold(segments));
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

async function* readSegments(
  segments: readonly Segment[],
  start: number,
  end: number,
  pathOf: (file: string) => string,
): AsyncGenerator<Uint8Array> {
  let offset = 0;
  for (const segment of segments) {
    const from = Math.max(0, start - offset);
    const to = Math.min(segment.bytes, end - offset);
    offset += segment.bytes;
    if (from >= to) continue;
    yield* createReadStream(pathOf(segment.file), { start: from, end: to - 1, highWaterMark: 256 * 1024 });
  }
}
