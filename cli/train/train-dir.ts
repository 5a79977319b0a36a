import { statSync } from 'node:fs';
import { z } from 'zod';
import { FedcardioError } from '../../lib/error.ts';
import { canonicalJson, sha256Hex } from '../../lib/json.ts';
import {
  openRunDirectory,
  type RunDirectory,
  type RunKind,
  readRunState,
  removeRun,
  requireUnused,
} from '../run/run-directory.ts';
import { commandLine } from '../shell-words.ts';
import type { Material } from './material.ts';
import { requestSchema, type TrainRequest } from './request.ts';

const stateSchema = z.strictObject({
  schema: z.literal('fedcardio.train/1'),
  request: requestSchema,
  /** Folder of the results; unknown for runs of earlier releases. */
  out: z.string().optional(),
  /** Digest of the files and the campaign of the run. */
  material: z.string(),
  finished: z.boolean(),
  peakRss: z.number(),
});

type TrainState = z.infer<typeof stateSchema>;

const TRAIN: RunKind<TrainState> = { name: 'train', noun: 'a run of train', state: stateSchema };

/** What a run was started with. @throws BAD_CONFIGURATION if there is no run to resume */
export function runToResume(path: string): Pick<TrainState, 'request' | 'out'> {
  const existing = readRunState(path, TRAIN);
  if (existing) return existing;
  throw new FedcardioError('BAD_CONFIGURATION', `There is no run of train in ${path}.`, {
    hint: 'Start one with --site.',
  });
}

/**
 * Whether a directory holds a run of the same request to continue.
 *
 * @param withFinished whether a finished run is continued too, to keep it running, instead of replaced
 */
export function isResumable(path: string, request: TrainRequest, withFinished: boolean): boolean {
  const existing = readRunState(path, TRAIN);
  return (
    existing !== undefined &&
    (withFinished || !existing.finished) &&
    canonicalJson(existing.request) === canonicalJson(request)
  );
}

/** How a run is continued. */
interface Continuation {
  /** Whether a finished run is continued too. Otherwise it is removed. */
  readonly resume: boolean;
  /** Folder of the results. */
  readonly out: string;
}

/** The run in a directory that is to be continued. */
const runBefore = (path: string, resume: boolean): TrainState | undefined => {
  const existing = readRunState(path, TRAIN);
  return existing?.finished && !resume ? undefined : existing;
};

/**
 * Checks, before any work, that a directory can be opened.
 *
 * @throws BAD_CONFIGURATION if another run is unfinished, if its files have changed since, or if the directory holds other
 *   files, which are never removed
 */
export function requireContinuable(
  path: string,
  request: TrainRequest,
  material: Material,
  { resume }: Continuation,
): void {
  if (!readRunState(path, TRAIN)) requireUnused(path, TRAIN);
  const before = runBefore(path, resume);
  if (!before) return;
  if (canonicalJson(before.request) !== canonicalJson(request)) {
    throw unfinished(`${path} holds an unfinished run of other arguments.`, path, before);
  }
  if (before.material !== digestOf(material)) {
    throw unfinished(`The CTs, labels or campaign of the run in ${path} have changed.`, path);
  }
}

/**
 * Opens the directory of a run: of the run that {@link requireContinuable} allows to continue, or of a new one.
 *
 * @throws BAD_CONFIGURATION if another process uses the directory
 */
export async function openTrainDirectory(
  path: string,
  request: TrainRequest,
  material: Material,
  { resume, out }: Continuation,
  say: (line: string) => void,
): Promise<RunDirectory> {
  const before = runBefore(path, resume);
  if (before) say(`Continuing the run in ${path}.`);
  else if (readRunState(path, TRAIN)) {
    await removeRun(path);
    say(`Removed the buckets of the finished run in ${path}; its results stay.`);
  }
  return openRunDirectory(
    path,
    TRAIN,
    { schema: 'fedcardio.train/1', request, out, material: digestOf(material) },
    before,
  );
}

/** @param run the unfinished run, if it can be continued */
function unfinished(message: string, path: string, run?: TrainState): FedcardioError {
  const out = run?.out === undefined ? [] : ['--out', run.out];
  const line = commandLine(['npx', 'fedcardio', 'train', '--resume', '--data', path, ...out]);
  const hint = `Choose another directory with --data, or remove ${path} to give that run up.`;
  return new FedcardioError('BAD_CONFIGURATION', message, { hint: run ? `To continue it: ${line}. ${hint}` : hint });
}

/** Digest of names, sizes and times of all files, of their use, and of the campaign. */
function digestOf({ sites, campaign, tasks }: Material): string {
  const files = sites.map(({ id, cases }) => [
    id,
    cases.map((one) => [
      one.id,
      one.use,
      one.files.map(({ name, path }) => {
        const stat = statSync(path, { throwIfNoEntry: false });
        return [name, stat?.size ?? 0, stat?.mtimeMs ?? 0];
      }),
    ]),
  ]);
  return sha256Hex(canonicalJson([files, campaign ?? null, tasks]));
}
