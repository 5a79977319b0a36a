import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';

/** Bytes in a file of their own, never changed once written. An object is one of them, or its parts in order. */
export interface Segment {
  readonly file: string;
  readonly bytes: number;
}

/** The files that hold the bodies. A file counts only when the journal names it. */
export interface Blobs {
  /** Writes a body as it comes. Nothing of it stays when the source fails. */
  write(source: AsyncIterable<Uint8Array>): Promise<Segment>;
  /** Bytes from `start` up to `end`, exclusive, of the segments one after the other. They outlive being removed. */
  read(segments: readonly Segment[], start: number, end: number): Readable;
  remove(segments: readonly Segment[]): Promise<void>;
  /** Removes what a killed process was writing, or had not removed yet. */
  keepOnly(files: ReadonlySet<string>): Promise<void>;
}

const FOLDERS = 256;

/** The bodies below a directory, which is made where it is missing. */
export async function openBlobs(directory: string): Promise<Blobs> {
  const folderOf = (file: string) => join(directory, file.slice(0, 2));
  const pathOf = (file: string) => join(folderOf(file), file);
  /** Files by the number of those who read them now; what is replaced meanwhile is removed by the last of them. */
  const readers = new Map<string, number>();
  const doomed = new Set<string>();

  const removeFile = (file: string) => rm(pathOf(file), { force: true });
  function hold(segments: readonly Segment[]): () => void {
    for (const { file } of segments) readers.set(file, (readers.get(file) ?? 0) + 1);
    return () => {
      for (const { file } of segments) {
        const left = (readers.get(file) ?? 1) - 1;
        if (left > 0) readers.set(file, left);
        else {
          readers.delete(file);
          if (doomed.delete(file)) void removeFile(file);
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
        for await (const chunks of gathered(source)) bytes += await writeAll(handle, chunks);
        await handle.close();
        return { file, bytes };
      } catch (error) {
        await handle.close();
        await rm(pathOf(file), { force: true });
        throw error;
      }
    },
    read(segments, start, end) {
      const stream = Readable.from(readSegments(segments, start, end, pathOf), { objectMode: false });
      return stream.once('close', hold(segments));
    },
    async remove(segments) {
      for (const { file } of segments) if (readers.has(file)) doomed.add(file);
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

/** Bytes that one write takes: a call for each chunk that the network brings costs as much as its hash. */
const WRITE_BYTES = 1024 ** 2;

async function* gathered(source: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Uint8Array[]> {
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

/** @returns how many bytes these are; a disk may take fewer at once */
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
