import { appendFileSync } from 'node:fs';

/** A file of lines that a full disk does not break. */
export interface Lines {
  /** Appends a line. Never throws: while the file cannot be written, lines are kept and written with a later one. */
  append(line: string): void;
}

/** Most lines that are kept while the file cannot be written. Older ones are dropped. */
const KEPT = 10_000;

/** @param write appends like {@link appendFileSync}, for tests */
export function openLines(file: string, write: (file: string, text: string) => void = appendFileSync): Lines {
  const waiting: string[] = [];
  // Ends a line that is incomplete because an earlier process was killed, or because the disk took only a part of it.
  // Readers skip incomplete and empty lines.
  let start = '\n';
  return {
    append(line) {
      waiting.push(line);
      try {
        for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
          write(file, `${start}${next}\n`);
          start = '';
          waiting.shift();
        }
      } catch {
        start = '\n';
        waiting.splice(0, waiting.length - KEPT);
      }
    },
  };
}
