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

/** An append-only file of JSON lines. Appending one is the commit point of whatever the record says. */
export interface Journal<R> {
  /** Synchronous, so that a decision and its record are one step that no other request comes between. */
  append(record: R): void;
  /**
   * Writes the journal anew, now and whenever it has grown by as many records as it then held, and by 50,000: what is
   * over takes no room. In one step: after a crash the file holds the old records or the new ones.
   *
   * @param snapshot the fewest records that lead to what all that was appended leads to
   */
  compactBy(snapshot: () => Iterable<R>): void;
  close(): void;
}

const MIN_GROWTH = 50_000;

/**
 * Opens a journal and reads what it holds. A last line without its end is what a killed process leaves: nobody
 * was told of it, so it is cut off. Not synced to the disk with each record: survives `kill -9`, not a power cut.
 *
 * @throws FedcardioError STORAGE when any other line is not JSON
 */
export function openJournal<R>(file: string): { readonly journal: Journal<R>; readonly records: readonly R[] } {
  const content = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  const whole = content.lastIndexOf('\n') + 1;
  const records = content.subarray(0, whole).toString().split('\n').slice(0, -1).map(parseLine<R>(file));

  let descriptor = openSync(file, 'a');
  let size = whole;
  ftruncateSync(descriptor, size);
  let compact: () => void = () => undefined;
  let [appended, most] = [0, Number.POSITIVE_INFINITY];

  function rewrite(replacement: readonly R[]): void {
    const lines = replacement.map((record) => `${JSON.stringify(record)}\n`).join('');
    writeFileSync(`${file}.new`, lines);
    closeSync(descriptor);
    renameSync(`${file}.new`, file);
    descriptor = openSync(file, 'a');
    size = Buffer.byteLength(lines);
    appended = 0;
    most = Math.max(MIN_GROWTH, replacement.length);
  }

  return {
    records,
    journal: {
      append(record) {
        // Before: the caller applies the record after it has been written.
        if (appended >= most) compact();
        const line = Buffer.from(`${JSON.stringify(record)}\n`);
        try {
          for (let written = 0; written < line.length; ) written += writeSync(descriptor, line, written);
        } catch (error) {
          // A disk that is full takes half a line; the next record must not be glued to it.
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
