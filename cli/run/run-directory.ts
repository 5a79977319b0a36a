import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { FedcardioError } from '../../lib/error.ts';
import { lockDirectory } from '../../local/emulator/lock.ts';
import { writeWhole } from '../write-whole.ts';
import type { TimedEvent } from './events.ts';
import { openLines } from './lines.ts';

/** The directory of a run on this machine: its buckets, queues, events and log. */
export interface RunDirectory {
  /** Directory of the embedded server. */
  readonly server: string;
  /** File of the handlers' log, a line each event. */
  readonly log: string;
  /** Peak resident memory of earlier sessions, bytes. */
  readonly peakRss: number;
  /** Events of earlier sessions, in order. */
  readonly events: readonly TimedEvent[];
  /** Never throws: events that a full disk refuses are written later. */
  append(event: TimedEvent): void;
  save(state: RunState): void;
}

export interface RunState {
  /** Whether the report was written. */
  readonly finished: boolean;
  readonly peakRss: number;
}

/** What kind of run a directory holds. Its state is `<name>.json`, its log `<name>.log`. */
export interface RunKind<S extends RunState> {
  readonly name: string;
  /** For messages: "a demo". */
  readonly noun: string;
  readonly state: z.ZodType<S>;
}

/**
 * The state of the run in a directory; undefined if it has none.
 *
 * @throws BAD_CONFIGURATION if its file cannot be read
 */
export function readRunState<S extends RunState>(path: string, { name, noun, state }: RunKind<S>): S | undefined {
  const file = join(path, `${name}.json`);
  if (!existsSync(file)) return undefined;
  try {
    return state.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new FedcardioError('BAD_CONFIGURATION', `${file} does not hold the state of ${noun}.`, {
      cause,
      hint: 'Remove the directory, or choose another one with --data.',
    });
  }
}

/** @throws BAD_CONFIGURATION if a directory without the run's state holds other files, which are never removed */
export function requireUnused(path: string, { noun }: Pick<RunKind<RunState>, 'noun'>): void {
  if (!existsSync(path) || readdirSync(path).length === 0) return;
  throw new FedcardioError('BAD_CONFIGURATION', `${path} exists but is not the directory of ${noun}.`, {
    hint: 'Choose another directory with --data.',
  });
}

/** Removes a run. @throws BAD_CONFIGURATION if another process uses its directory */
export async function removeRun(path: string): Promise<void> {
  const release = await lockDirectory(join(path, 'server'));
  await release();
  rmSync(path, { recursive: true });
}

/**
 * Opens a directory, with the events of an earlier session if there was one.
 *
 * @param state what to store beside progress and memory
 * @param before the state that an earlier session left
 */
export function openRunDirectory<S extends RunState>(
  path: string,
  { name }: RunKind<S>,
  state: Omit<S, keyof RunState>,
  before: S | undefined,
): RunDirectory {
  mkdirSync(path, { recursive: true });
  const file = join(path, `${name}.json`);
  const save: RunDirectory['save'] = (progress) => writeWhole(file, `${JSON.stringify({ ...state, ...progress })}\n`);
  const peakRss = before?.peakRss ?? 0;
  save({ finished: false, peakRss });
  const eventsFile = join(path, 'events.jsonl');
  const lines = openLines(eventsFile);
  return {
    server: join(path, 'server'),
    log: join(path, `${name}.log`),
    peakRss,
    events: before ? readEvents(eventsFile) : [],
    append: (event) => lines.append(JSON.stringify(event)),
    save,
  };
}

/** Skips an incomplete line. */
function readEvents(file: string): readonly TimedEvent[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as TimedEvent];
      } catch {
        return [];
      }
    });
}
