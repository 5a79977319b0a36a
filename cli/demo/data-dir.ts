import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { FedcardioError } from '../../lib/error.ts';
import { lockDirectory } from '../../local/emulator/lock.ts';
import type { TimedEvent } from './events.ts';
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

/** What a demo keeps in its data directory, beside the embedded server's own files. */
export interface DemoDirectory {
  /** The embedded server's directory. */
  readonly server: string;
  /** File for the handlers' log. */
  readonly log: string;
  readonly profile: Profile;
  readonly seed: number;
  /** Of the runs before, bytes. */
  readonly peakRss: number;
  /** Of the runs before, in order. */
  readonly events: readonly TimedEvent[];
  append(event: TimedEvent): void;
  save(state: { readonly finished: boolean; readonly peakRss: number }): void;
}

/** What the command line asks for; on resume, what is not said is as it was. */
export interface DemoWish {
  readonly profile: Profile | undefined;
  readonly seed: number | undefined;
  readonly resume: boolean;
}

/**
 * Opens the directory for a demo. Without `resume`, what an earlier demo left is removed.
 *
 * @throws BAD_CONFIGURATION where there is nothing to resume, or a demo of another seed or profile; where another
 *   process uses it; and where the directory holds what is not a demo's, which is never removed.
 */
export async function openDemoDirectory(
  path: string,
  wish: DemoWish,
  say: (line: string) => void,
): Promise<DemoDirectory> {
  const server = join(path, 'server');
  const existing = readState(join(path, 'demo.json'));
  if (wish.resume) checkResumable(path, existing, wish);
  else if (existing) await removeOld(path, server, existing, say);
  else if (existsSync(path) && readdirSync(path).length > 0) {
    throw new FedcardioError('BAD_CONFIGURATION', `${path} exists and is not the directory of a demo.`, {
      hint: 'Name another directory with --data.',
    });
  }
  mkdirSync(path, { recursive: true });
  const before = wish.resume ? existing : undefined;
  const profile = wish.profile ?? before?.profile ?? 'full';
  const seed = wish.seed ?? before?.seed ?? 1;
  const save: DemoDirectory['save'] = (state) => {
    const whole: DemoState = { schema: 'fedcardio.demo/1', profile, seed, ...state };
    writeFileSync(join(path, 'demo.json'), `${JSON.stringify(whole)}\n`);
  };
  save({ finished: false, peakRss: before?.peakRss ?? 0 });
  const eventsFile = join(path, 'events.jsonl');
  // The last line may have been cut off by the end of the process: the next one must not continue it.
  if (before) appendFileSync(eventsFile, '\n');
  return {
    server,
    log: join(path, 'demo.log'),
    profile,
    seed,
    peakRss: before?.peakRss ?? 0,
    events: before ? readEvents(eventsFile) : [],
    append: (event) => appendFileSync(eventsFile, `${JSON.stringify(event)}\n`),
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
  if (!existing.finished)
    say(`Starting afresh: removing the unfinished demo in ${path} (--resume would go on with it).`);
  rmSync(path, { recursive: true });
}

function checkResumable(path: string, existing: DemoState | undefined, wish: DemoWish): void {
  if (!existing) {
    throw new FedcardioError('BAD_CONFIGURATION', `There is no demo to resume in ${path}.`, {
      hint: 'Start one without --resume.',
    });
  }
  const same =
    (wish.seed ?? existing.seed) === existing.seed && (wish.profile ?? existing.profile) === existing.profile;
  if (same) return;
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `The demo in ${path} is of the ${existing.profile} profile and seed ${existing.seed}.`,
    { hint: 'Resume it with --resume alone.' },
  );
}

function readState(file: string): DemoState | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return stateSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new FedcardioError('BAD_CONFIGURATION', `${file} is not readable as the state of a demo.`, {
      cause,
      hint: 'Remove the directory, or name another one with --data.',
    });
  }
}

/** A line that was cut off by the end of the process is left out. */
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
