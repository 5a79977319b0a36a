import { mapAhead } from '../async.ts';
import { type FedcardioError, isFedcardioError } from '../error.ts';
import type { FederationStore } from '../storage/contract.ts';
import { DTYPE_BYTES, type Dtype } from '../weights/safetensors-header.ts';
import type { OpenFile } from './files.ts';
import type { FileHash, Hashes } from './hashes.ts';
import type { Kernels } from './kernels.ts';
import type { Slice } from './slices.ts';

/** A file to read. */
export interface Source extends OpenFile {
  /** Number of adjacent values in the file for each value of the model. */
  readonly width: number;
  /** Records a fault of the file. The returned error is thrown. */
  readonly fail: (reason: string) => FedcardioError;
}

/** One file's bytes of a slice. */
export interface Block<S extends Source> {
  readonly slice: Slice;
  readonly source: S;
  readonly dtype: Dtype;
  /** In the kernels' memory, valid until the next block is requested. Read-only: it may still be hashed in another thread. */
  readonly bytes: Uint8Array;
}

/** One complete read of several files. */
export interface Pass<S extends Source> {
  /** Ordered by slice, then by source in the given order. Sources without the slice's tensors are left out. */
  readonly blocks: AsyncIterable<Block<S>>;
  /** Throws what a source's `fail` returns if the file has an unexpected SHA-256. Call it after the last block. */
  verify(): Promise<void>;
}

export interface PassOptions {
  readonly store: FederationStore;
  readonly kernels: Kernels;
  readonly hashes: Hashes;
}

/** Concurrent requests. */
export const READS_AHEAD = 8;
/** One buffer per request, and one for the block that is processed and hashed. */
const BUFFERS = READS_AHEAD + 1;

/** Reads files of one layout completely and once, with range requests a few blocks ahead of the consumer. */
export function openPass<S extends Source>(
  { store, kernels, hashes }: PassOptions,
  sources: readonly S[],
  slices: readonly Slice[],
): Pass<S> {
  const hashOf = new Map(sources.map((source) => [source, hashes.open()]));
  // Never a list: their number grows with the square of that of the sources.
  let [ranges, largest] = [0, 0];
  for (const { start, end } of rangesOf(sources, slices))
    [ranges, largest] = [ranges + 1, Math.max(largest, end - start)];
  const buffers = Array.from({ length: Math.min(BUFFERS, ranges) }, () => ({
    memory: kernels.bytes(largest + 1),
    hashed: Promise.resolve(),
  }));

  type Buffer = (typeof buffers)[number];
  async function read({ source, start, end }: Range<S>, buffer: Buffer): Promise<Uint8Array> {
    await buffer.hashed;
    if (source.whole) {
      buffer.memory.set(source.whole.subarray(start, end));
      return buffer.memory.subarray(0, Math.min(end, source.whole.length) - start);
    }
    try {
      // Requests one byte after the end, which must not exist.
      const beyond = end === source.file.bytes ? end + 1 : end;
      return await store.getRange(source.file.key, start, beyond, buffer.memory);
    } catch (error) {
      if (!isFedcardioError(error, 'NOT_FOUND')) throw error;
      return new Uint8Array();
    }
  }

  async function* blocks() {
    await Promise.all([...hashOf].map(([{ headerBytes }, hash]) => hash.update(headerBytes)));
    let next = 0;
    const reads = mapAhead(rangesOf(sources, slices), READS_AHEAD, async (range) => {
      const buffer = buffers[next++ % buffers.length] as Buffer;
      return { range, buffer, bytes: await read(range, buffer) };
    });
    for await (const { range, buffer, bytes } of reads) {
      const { slice, source, dtype, start, end } = range;
      if (bytes.length < end - start) throw source.fail(`the weights end before byte ${end}`);
      if (bytes.length > end - start) throw source.fail(`the weights continue after byte ${end}`);
      buffer.hashed = (hashOf.get(source) as FileHash).update(bytes);
      // Errors surface when this is awaited later. Without a handler until then, they would end the process.
      buffer.hashed.catch(() => undefined);
      yield { slice, source, dtype, bytes };
    }
  }

  return {
    blocks: blocks(),
    verify: async () => {
      const errors = [];
      for (const [{ file, fail }, hash] of hashOf) {
        const actual = await hash.digest();
        if (actual !== file.sha256) errors.push(fail(`the weights have SHA-256 ${actual}, not ${file.sha256}`));
      }
      if (errors[0]) throw errors[0];
    },
  };
}

interface Range<S extends Source> {
  readonly slice: Slice;
  readonly source: S;
  readonly dtype: Dtype;
  /** Byte range of the file; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
}

/** In the order in which they are read: by slice, then by source. */
function* rangesOf<S extends Source>(sources: readonly S[], slices: readonly Slice[]): Generator<Range<S>> {
  for (const slice of slices) {
    for (const source of sources) {
      const range = rangeOf(source, slice);
      if (range) yield range;
    }
  }
}

function rangeOf<S extends Source>(source: S, slice: Slice): Range<S> | undefined {
  const { header, width } = source;
  const first = header.tensors.get(slice.segment.tensors[0]?.name ?? '');
  if (!first) return undefined;
  const bytes = width * DTYPE_BYTES[first.dtype];
  const segmentStart = header.dataStart + first.begin;
  const [start, end] = [segmentStart + slice.start * bytes, segmentStart + slice.end * bytes];
  return { slice, source, dtype: first.dtype, start, end };
}
