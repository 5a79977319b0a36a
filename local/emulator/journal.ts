import { closeSync, fstatSync, ftruncateSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { FedcardioError } from '../../lib/error.ts';
import { isDiskFull } from './disk-full.ts';

/** An append-only file of JSON lines. A change is committed when its record is appended. */
export interface Journal<R> {
  /**
   * Synchronous, so that no other request runs between a decision and its record. Leaves the journal unchanged if it
   * fails.
   */
  append(record: R): void;
  /**
   * Replaces the journal with a snapshot each time it has grown by as many records as the last snapshot had, at least 50,000, or
   * by as many bytes, at least 64 MiB; and now, unless it is at most twice as long as the snapshot would be. Atomic: after a crash
   * the file holds the old records or the new ones. Keeps the old ones if the disk is full.
   *
   * @param snapshot the fewest records that result in the same state
   * @param records number of these records now
   */
  compactBy(snapshot: () => Iterable<R>, records: number): void;
  close(): void;
}

/** For tests. */
export interface JournalLimits {
  /** Bytes per read and write, 1 MiB by default. */
  readonly blockBytes?: number;
  /** 64 MiB by default. */
  readonly minGrowthBytes?: number;
  /** Writes like {@link writeSync}. */
  readonly write?: (descriptor: number, bytes: Uint8Array, offset: number) => number;
}

const MIN_GROWTH = 50_000;
const MIN_GROWTH_BYTES = 64 * 1024 ** 2;
const BLOCK_BYTES = 1024 ** 2;
/** Longer than any record: the largest request has 7 MiB. */
const MAX_LINE_BYTES = 64 * 1024 ** 2;

/**
 * Opens a journal and reads its records one by one, so that its size is not bounded by the longest string. An incomplete
 * last line, which a killed process or a full disk may leave, is removed: its change was never confirmed. Records are not
 * synced to the disk, so they survive `kill -9` but not a power failure.
 *
 * @param apply receives the records in order
 * @throws FedcardioError STORAGE if any other line is not JSON
 */
export function openJournal<R>(file: string, apply: (record: R) => void, limits: JournalLimits = {}): Journal<R> {
  const {
    blockBytes = BLOCK_BYTES,
    minGrowthBytes = MIN_GROWTH_BYTES,
    write = (...rest) => writeSync(...rest),
  } = limits;
  // An earlier process may have been killed while it wrote a snapshot.
  rmSync(`${file}.new`, { force: true });
  let descriptor = openSync(file, 'a+');
  let length = 0;
  let size = readLines(descriptor, blockBytes, file, (line, number) => {
    apply(parseLine<R>(file, line, number));
    length = number;
  });
  if (fstatSync(descriptor).size > size) ftruncateSync(descriptor, size);
  let compact: () => void = () => undefined;
  /** Records and bytes of the file at which it is compacted. */
  let compactAt = { length: Number.POSITIVE_INFINITY, size: Number.POSITIVE_INFINITY };
  const compactAfter = (snapshot: { readonly length: number; readonly size: number }) => {
    compactAt = {
      length: snapshot.length + Math.max(MIN_GROWTH, snapshot.length),
      size: snapshot.size + Math.max(minGrowthBytes, snapshot.size),
    };
  };

  function writeAll(to: number, bytes: Uint8Array): void {
    for (let written = 0; written < bytes.length; ) written += write(to, bytes, written);
  }

  /** Writes the records to a new file, in blocks. Returns their number. */
  function writeSnapshot(records: Iterable<R>): number {
    const target = openSync(`${file}.new`, 'w');
    try {
      let count = 0;
      let lines: string[] = [];
      let characters = 0;
      for (const record of records) {
        const line = `${JSON.stringify(record)}\n`;
        lines.push(line);
        characters += line.length;
        count++;
        if (characters < blockBytes) continue;
        writeAll(target, Buffer.from(lines.join('')));
        [lines, characters] = [[], 0];
      }
      writeAll(target, Buffer.from(lines.join('')));
      return count;
    } finally {
      closeSync(target);
    }
  }

  function rewrite(records: Iterable<R>): void {
    let count: number;
    try {
      count = writeSnapshot(records);
    } catch (error) {
      rmSync(`${file}.new`, { force: true });
      if (!isDiskFull(error)) throw error;
      // The old journal is longer, but has the same state.
      compactAt = { length: length + MIN_GROWTH, size: size + minGrowthBytes };
      return;
    }
    closeSync(descriptor);
    try {
      renameSync(`${file}.new`, file);
    } finally {
      descriptor = openSync(file, 'a+');
      size = fstatSync(descriptor).size;
    }
    length = count;
    compactAfter({ length, size });
  }

  let isClosed = false;
  return {
    append(record) {
      // The number of the descriptor may belong to another file.
      if (isClosed) throw new Error(`${file} is closed: nothing is written to it any more.`);
      // Compacts first, because the caller applies this record only after it is written.
      if (length >= compactAt.length || size >= compactAt.size) compact();
      const line = Buffer.from(`${JSON.stringify(record)}\n`);
      try {
        writeAll(descriptor, line);
      } catch (error) {
        // A full disk may write half a line, which the next record must not continue.
        ftruncateSync(descriptor, size);
        throw error;
      }
      size += line.length;
      length++;
    },
    compactBy(snapshot, records) {
      compact = () => rewrite(snapshot());
      if (length > 2 * records) compact();
      // The records of a snapshot are about as long as the others.
      else compactAfter({ length: records, size: length === 0 ? 0 : (size * records) / length });
    },
    close() {
      isClosed = true;
      closeSync(descriptor);
    },
  };
}

/**
 * Reads the complete lines of a file.
 *
 * @returns bytes of the complete lines
 */
function readLines(
  descriptor: number,
  blockBytes: number,
  file: string,
  onLine: (line: string, number: number) => void,
): number {
  const block = Buffer.alloc(blockBytes);
  /** Beginning of a line that continues in the next block. */
  let pieces: Buffer[] = [];
  let pending = 0;
  let position = 0;
  let number = 0;
  for (;;) {
    const read = readSync(descriptor, block, 0, blockBytes, position);
    if (read === 0) return position - pending;
    position += read;
    let from = 0;
    for (let end = block.indexOf(10); end >= 0 && end < read; end = block.indexOf(10, from)) {
      pieces.push(block.subarray(from, end));
      onLine((pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)).toString(), ++number);
      [pieces, pending, from] = [[], 0, end + 1];
    }
    if (from < read) pieces.push(Buffer.from(block.subarray(from, read)));
    pending += read - from;
    if (pending > MAX_LINE_BYTES) throw damaged(file, number + 1);
  }
}

function parseLine<R>(file: string, line: string, number: number): R {
  try {
    return JSON.parse(line) as R;
  } catch (cause) {
    throw damaged(file, number, cause);
  }
}

const damaged = (file: string, line: number, cause?: unknown) =>
  new FedcardioError('STORAGE', `Line ${line} of ${file} is damaged.`, {
    cause,
    hint: 'Restore the directory from a copy, or start with an empty one.',
  });
