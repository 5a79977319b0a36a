import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { FedcardioError } from '../../lib/error.ts';
import { lockDirectory } from '../../local/emulator/lock.ts';
import type { TimedEvent } from './events.ts';
import { openLines } from './lines.ts';
import type { Profile } from './scenario.ts';

const stateSchema = z.strictObject({
  schema: z.literal('fedcardio.demo/1'),
  profile: z.enum(['full', 'quick', 'experiment']),
  seed: z.int(),
  /** Whether the report was written. */
  finished: z.boolean(),
  peakRss: z.number(),
});

type DemoState = z.infer<typeof stateSchema>;

/** The data directory of a demo. */
export interface DemoDirectory {
  /** Directory of the embedded server. */
  readonly server: string;
  /** File of the handlers' log, a line each event. */
  readonly log: string;
  readonly profile: Profile;
  readonly seed: number;
  /** Peak resident memory of earlier runs, bytes. */
  readonly peakRss: number;
  /** Events of earlier runs, in order. */
  readonly events: readonly TimedEvent[];
  /** Never throws: events that a full disk refuses are written later. */
  append(event: TimedEvent): void;
  save(state: { readonly finished: boolean; readonly peakRss: number }): void;
}

/** Options of the command line. A resumed demo keeps its seed and profile by default. */
export interface DemoRequest {
  readonly profile: Profile | undefined;
  readonly seed: number | undefined;
  readonly resume: boolean;
}

/**
 * Opens the directory of a demo. Without `resume`, an earlier demo is removed.
 *
 * @throws BAD_CONFIGURATION if there is no demo to resume, or one of another seed or profile; if another process uses the
 *   directory; or if it holds other files, which are never removed
 */
export async function openDemoDirectory(
  path: string,
  request: DemoRequest,
  say: (line: string) => void,
): Promise<DemoDirectory> {
  const server = join(path, 'server');
  const existing = readState(join(path, 'demo.json'));
  if (request.resume) checkResumable(path, existing, request);
  else if (existing) await removeOld(path, server, existing, say);
  else if (existsSync(path) && readdirSync(path).length > 0) {
    throw new FedcardioError('BAD_CONFIGURATION', `${path} exists but is not the directory of a demo.`, {
      hint: 'Choose another directory with --data.',
    });
  }
  mkdirSync(path, { recursive: true });
  const before = request.resume ? existing : undefined;
  const profile = request.profile ?? before?.profile ?? 'full';
  const seed = request.seed ?? before?.seed ?? 1;
  const save: DemoDirectory['save'] = (state) => {
    const whole: DemoState = { schema: 'fedcardio.demo/1', profile, seed, ...state };
    // A new file, because a full disk would leave the old one empty, and the demo could not be resumed.
    writeFileSync(join(path, 'demo.json.new'), `${JSON.stringify(whole)}\n`);
    renameSync(join(path, 'demo.json.new'), join(path, 'demo.json'));
  };
  save({ finished: false, peakRss: before?.peakRss ?? 0 });
  const eventsFile = join(path, 'events.jsonl');
  const lines = openLines(eventsFile);
  return {
    server,
    log: join(path, 'demo.log'),
    profile,
    seed,
    peakRss: before?.peakRss ?? 0,
    events: before ? readEvents(eventsFile) : [],
    append: (event) => lines.append(JSON.stringify(event)),
    save,
  };
}

async function removeOld(
  path: string,
  server: string,
  existing: DemoState,
  say: (line: string) => void,
): Promise<void> {
  const release = await lockDirectory(server);
  await release();
  if (!existing.finished) say(`Starting again: removing the unfinished demo in ${path} (--resume would continue it).`);
  rmSync(path, { recursive: true });
}

function checkResumable(path: string, existing: DemoState | undefined, request: DemoRequest): void {
  if (!existing) {
    throw new FedcardioError('BAD_CONFIGURATION', `There is no demo to resume in ${path}.`, {
      hint: 'Start one without --resume.',
    });
  }
  const same =
    (request.seed ?? existing.seed) === existing.seed && (request.profile ?? existing.profile) === existing.profile;
  if (same) return;
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `The demo in ${path} has the profile ${existing.profile} and the seed ${existing.seed}.`,
    { hint: 'Resume it with --resume only.' },
  );
}

function readState(file: string): DemoState | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return stateSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new FedcardioError('BAD_CONFIGURATION', `${file} does not hold the state of a demo.`, {
      cause,
      hint: 'Remove the directory, or choose another one with --data.',
    });
  }
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
