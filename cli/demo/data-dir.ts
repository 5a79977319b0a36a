import { z } from 'zod';
import { FedcardioError } from '../../lib/error.ts';
import {
  openRunDirectory,
  type RunDirectory,
  type RunKind,
  readRunState,
  removeRun,
  requireUnused,
} from '../run/run-directory.ts';
import type { Profile } from './scenario.ts';

const stateSchema = z.strictObject({
  schema: z.literal('fedcardio.demo/1'),
  profile: z.enum(['full', 'quick', 'experiment']),
  seed: z.int(),
  finished: z.boolean(),
  peakRss: z.number(),
});

type DemoState = z.infer<typeof stateSchema>;

const DEMO: RunKind<DemoState> = { name: 'demo', noun: 'a demo', state: stateSchema };

/** The data directory of a demo. */
export interface DemoDirectory extends RunDirectory {
  readonly profile: Profile;
  readonly seed: number;
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
  const existing = readRunState(path, DEMO);
  if (request.resume) checkResumable(path, existing, request);
  else if (existing) {
    await removeRun(path);
    say(
      existing.finished
        ? `Removed the buckets of the finished demo in ${path} (${existing.profile} profile, seed ${existing.seed}); its report stays until this demo writes its own. To keep both, choose another folder with --data, and with --out.`
        : `Starting again: removed the unfinished demo in ${path} (--resume would have continued it).`,
    );
  } else requireUnused(path, DEMO);
  const before = request.resume ? existing : undefined;
  const profile = request.profile ?? before?.profile ?? 'full';
  const seed = request.seed ?? before?.seed ?? 1;
  const directory = openRunDirectory(path, DEMO, { schema: 'fedcardio.demo/1', profile, seed }, before);
  return { ...directory, profile, seed };
}

/** Removes the demo in a directory, if it has one. @throws BAD_CONFIGURATION as {@link openDemoDirectory} */
export async function removeDemo(path: string): Promise<void> {
  if (readRunState(path, DEMO)) await removeRun(path);
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
