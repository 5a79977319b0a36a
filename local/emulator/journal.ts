import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { FedcardioError } from '../../lib/error.ts';

/** An append-only file of JSON lines. A change is committed when its record is appended. */
export interface Journal<R> {
  /** Synchronous, so that no other request runs between a decision and its record. */
  append(record: R): void;
  /**
   * Replaces the journal with a snapshot, now and each time it has grown by as many records as the last snapshot had, at
   * least 50,000. Atomic: after a crash the file holds the old records or the new ones.
   *
   * @param snapshot the fewest records that result in the same state
   */
  compactBy(snapshot: () => Iterable<R>): void;
  close(): void;
}

const MIN_GROWTH = 50_000;

/**
 * Opens a journal and reads its records. An incomplete last line, which a killed process may leave, is removed: its change
 * was never confirmed. Records are not synced to the disk, so they survive `kill -9` but not a power failure.
 *
 * @throws FedcardioError STORAGE if any other line is not JSON
 */
export function openJournal<R>(file: string): { readonly journal: Journal<R>; readonly records: readonly R[] } {
  const content = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  const whole = content.lastIndexOf('\n') + 1;
  const records = content.subarray(0, whole).toString().split('\n').slice(0, -1).map(parseLine<R>(file));

  let descriptor = openSync(file, 'a');
  let size = whole;
  ftruncateSync(descriptor, size);
  let compact: () => void = () => undefined;
  let [appended, compactAt] = [0, Number.POSITIVE_INFINITY];

  function rewrite(replacement: readonly R[]): void {
    const lines = replacement.map((record) => `${JSON.stringify(record)}\n`).join('');
    writeFileSync(`${file}.new`, lines);
    closeSync(descriptor);
    renameSync(`${file}.new`, file);
    descriptor = openSync(file, 'a');
    size = Buffer.byteLength(lines);
    appended = 0;
    compactAt = Math.max(MIN_GROWTH, replacement.length);
  }

  return {
    records,
    journal: {
      append(record) {
        // Compacts first, because the caller applies this record only after it is written.
        if (appended >= compactAt) compact();
        const line = Buffer.from(`${JSON.stringify(record)}\n`);
        try {
          for (let written = 0; written < line.length; ) written += writeSync(descriptor, line, written);
        } catch (error) {
          // A full disk may write half a line, which the next record must not continue.
          ftruncateSync(descriptor, size);
          throw error;
        }
        size += line.length;
        appended++;
      },
      compactBy(snapshot) {
        compact = () => rewrite([...snapshot()]);
        compact();
      },
      close: () => closeSync(descriptor),
    },
  };
}

const parseLine =
  <R>(file: string) =>
  (line: string, index: number): R => {
    try {
      return JSON.parse(line) as R;
    } catch (cause) {
      throw new FedcardioError('STORAGE', `Line ${index + 1} of ${file} is damaged.`, {
        cause,
        hint: 'Restore the directory from a copy, or start with an empty one.',
      });
    }
  };
