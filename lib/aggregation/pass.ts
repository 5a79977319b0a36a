import { createHash } from 'node:crypto';
import { type FedcardioError, isFedcardioError } from '../error.ts';
import { mapAhead } from '../federation/protocol/async.ts';
import type { Objects } from '../storage/contract.ts';
import { DTYPE_BYTES, type Dtype } from '../weights/header.ts';
import type { OpenFile } from './files.ts';
import type { Slice } from './slices.ts';

/** A file that a pass reads. */
export interface Source extends OpenFile {
  /** How many of its values belong to one of the model's; they lie side by side. */
  readonly width: number;
  /** Notes that the file is not what it should be. What it returns is thrown. */
  readonly fail: (reason: string) => FedcardioError;
}

/** What one file holds of a slice. */
export interface Block<S extends Source> {
  readonly slice: Slice;
  readonly source: S;
  readonly dtype: Dtype;
  /** Valid until the next block is asked for. */
  readonly bytes: Uint8Array;
}

export interface Pass<S extends Source> {
  /** By slice, then by source in the order given; sources without the slice's tensors are left out. */
  readonly blocks: AsyncIterable<Block<S>>;
  /** Throws what a source's `fail` returns if its bytes, all of which must have been taken, have another SHA-256. */
  verify(): void;
}

const READS_AHEAD = 4;

/** Reads files of one layout to their ends, once and by ranges, a few requests ahead of who takes the blocks. */
export function openPass<S extends Source>(
  objects: Pick<Objects, 'getRange'>,
  bucket: string,
  sources: readonly S[],
  slices: readonly Slice[],
): Pass<S> {
  const hashes = new Map(sources.map((source) => [source, createHash('sha256').update(source.headerBytes)]));
  const ranges = slices.flatMap((slice) => sources.flatMap((source) => rangeOf(source, slice)));
  const memory = createRing(ranges);

  const read = async (range: Range<S>) => {
    const { source, start, end } = range;
    try {
      return await objects.getRange(bucket, source.file.key, start, end, memory.next(end - start));
    } catch (error) {
      if (!isFedcardioError(error, 'NOT_FOUND')) throw error;
      return new Uint8Array();
    }
  };
  async function* blocks() {
    let next = 0;
    for await (const bytes of mapAhead(ranges, READS_AHEAD, read)) {
      const { slice, source, dtype, start, end } = ranges[next++] as Range<S>;
      if (bytes.length !== end - start) throw source.fail(`the weights end before byte ${end}`);
      hashes.get(source)?.update(bytes);
      yield { slice, source, dtype, bytes };
    }
  }
  return {
    blocks: blocks(),
    verify: () => {
      const errors = [...hashes].flatMap(([{ file, fail }, hash]) => {
        const actual = hash.digest('hex');
        return actual === file.sha256 ? [] : [fail(`the weights have SHA-256 ${actual}, not ${file.sha256}`)];
      });
      if (errors[0]) throw errors[0];
    },
  };
}

interface Range<S extends Source> {
  readonly slice: Slice;
  readonly source: S;
  readonly dtype: Dtype;
  /** Bytes of the file, `end` exclusive. */
  readonly start: number;
  readonly end: number;
}

function rangeOf<S extends Source>(source: S, slice: Slice): readonly Range<S>[] {
  const { header, width } = source;
  const first = header.tensors.get(slice.segment.tensors[0]?.name ?? '');
  if (!first) return [];
  const bytes = width * DTYPE_BYTES[first.dtype];
  const segmentStart = header.dataStart + first.begin;
  const [start, end] = [segmentStart + slice.start * bytes, segmentStart + slice.end * bytes];
  return [{ slice, source, dtype: first.dtype, start, end }];
}

/** Memory for the blocks that are read and the one that is looked at, each used again when its turn comes. */
function createRing(ranges: readonly { readonly start: number; readonly end: number }[]) {
  const largest = Math.max(0, ...ranges.map(({ start, end }) => end - start));
  const buffers = Array.from({ length: Math.min(READS_AHEAD, ranges.length) }, () => new Uint8Array(largest));
  let taken = 0;
  return {
    next: (bytes: number) => (buffers[taken++ % buffers.length] as Uint8Array).subarray(0, bytes),
  };
}
