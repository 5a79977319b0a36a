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
import type { Material } from './material.ts';
import { requestSchema, type TrainRequest } from './request.ts';

const stateSchema = z.strictObject({
  schema: z.literal('fedcardio.train/1'),
  request: requestSchema,
  /** Digest of the files and the campaign of the run. */
  material: z.string(),
  finished: z.boolean(),
  peakRss: z.number(),
});

type TrainState = z.infer<typeof stateSchema>;

const TRAIN: RunKind<TrainState> = { name: 'train', noun: 'a run of train', state: stateSchema };

/** @throws BAD_CONFIGURATION if there is no run to resume */
export function requestToResume(path: string): TrainRequest {
  const existing = readRunState(path, TRAIN);
  if (existing) return existing.request;
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

/**
 * Opens the directory of a run: of the unfinished run with the same request and files, or of a new one.
 *
 * @param withFinished whether a finished run is continued too. Otherwise it is removed
 * @throws BAD_CONFIGURATION if another run is unfinished, if its files have changed since, if another process uses the
 *   directory, or if it holds other files, which are never removed
 */
export async function openTrainDirectory(
  path: string,
  request: TrainRequest,
  material: Material,
  withFinished: boolean,
  say: (line: string) => void,
): Promise<RunDirectory> {
  const existing = readRunState(path, TRAIN);
  if (!existing) requireUnused(path, TRAIN);
  const digest = digestOf(material);
  const before = existing?.finished && !withFinished ? undefined : existing;
  if (before) {
    if (canonicalJson(before.request) !== canonicalJson(request)) {
      throw unfinished(`${path} holds a run of other arguments.`, path);
    }
    if (before.material !== digest) {
      throw unfinished(`The CTs, labels or campaign of the run in ${path} have changed.`, path);
    }
    say(`Continuing the run in ${path}.`);
  } else if (existing) {
    await removeRun(path);
    say(`Removed the buckets of the finished run in ${path}; its results stay.`);
  }
  return openRunDirectory(path, TRAIN, { schema: 'fedcardio.train/1', request, material: digest }, before);
}

const unfinished = (message: string, path: string): FedcardioError =>
  new FedcardioError('BAD_CONFIGURATION', message, {
    hint: `Choose another directory with --data, or remove ${path} to give that run up.`,
  });

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
