import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { FedcardioError } from '../lib/error.ts';
import type { Task } from '../lib/federation/tasks.ts';
import type { TrainedModel } from '../lib/models/package.ts';

/** Where a CT's predictions come from: the start of `<name>-prediction.json`. */
export interface Origin {
  /** SHA-256 of the model's weights; for an ensemble, of the hashes of its models. */
  readonly model: string;
  readonly image: { readonly file: string; readonly sha256: string };
}

const recordSchema = z.object({
  model: z.string(),
  image: z.object({ sha256: z.string() }),
  // Earlier releases had no other.
  overlap: z.number().default(0.5),
});

/** A model of an ensemble, as the record of a prediction names it. */
export const modelRecord = ({ sha256, origin, trainedOnPhantoms }: TrainedModel) => ({
  sha256,
  ...origin,
  trainedOnPhantoms,
});

/** Name of the file that says where the predictions of a CT come from, and what they found. */
export const recordFile = (name: string): string => `${name}-prediction.json`;

/**
 * Name of the note that says whose predictions are being written. It is written before the first of them and removed after the
 * record, so that a call that was interrupted by a kill or a full disk can be repeated.
 */
export const noteFile = (name: string): string => `${name}-prediction.unfinished.json`;

/** Name of the page that shows the predictions of a CT. */
export const pageFile = (name: string): string => `${name}-prediction.html`;

/** SHA-256 of a file, as sha256sum gives it. */
export async function fileHash(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}

/** Every file that the predictions of one CT may consist of. */
const filesOf = (name: string, tasks: readonly Task[]): readonly string[] => [
  ...tasks.flatMap(({ id, kind }) => [
    `${name}-${id}.nii.gz`,
    ...(kind === 'landmarks' ? [`${name}-${id}.mrk.json`] : []),
  ]),
  recordFile(name),
  pageFile(name),
];

/** What is about to be predicted. */
export interface Plan {
  /** Names of the predictions, by path of the CT. */
  readonly names: ReadonlyMap<string, string>;
  readonly out: string;
  readonly model: string;
  readonly tasks: readonly Task[];
  /** Share of a window that the next one overlaps. */
  readonly overlap: number;
  /** Replace the predictions of other models and CTs. */
  readonly overwrite: boolean;
}

/**
 * Checks, before anything is computed, that predictions replace no file but earlier predictions of the same CT by the same
 * model with the same overlap, finished or not. A CT is never replaced.
 *
 * @throws FedcardioError `BAD_CONFIGURATION` that names the files
 */
export async function requireFree({ names, out, model, tasks, overwrite, overlap }: Plan): Promise<void> {
  const cts = new Set([...names.keys()].map((ct) => resolve(ct)));
  const taken: string[] = [];
  requireDifferent(names, tasks);
  for (const [ct, name] of names) {
    const present = filesOf(name, tasks)
      .map((file) => join(out, file))
      .filter((file) => existsSync(file));
    const own = present.find((file) => cts.has(resolve(file)));
    if (own !== undefined) {
      throw new FedcardioError('BAD_CONFIGURATION', `The predictions of ${ct} would replace the CT ${own}.`, {
        hint: 'Nothing was written. Give another folder with --out.',
      });
    }
    if (present.length > 0 && !overwrite && !(await isSame(join(out, writerFile(name, out)), ct, { model, overlap }))) {
      taken.push(present[0] as string);
    }
  }
  if (taken.length === 0) return;
  const more = taken.length > 3 ? `, and ${taken.length - 3} more` : '';
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `Predictions of another CT, model or overlap would be replaced: ${taken.slice(0, 3).join(', ')}${more}.`,
    { hint: 'Nothing was written. Give another folder with --out, or replace them with --overwrite.' },
  );
}

/** Requires that no two CTs have a file in common, such as `p1` with the task `a-b` and `p1-a` with `b`. */
function requireDifferent(names: Plan['names'], tasks: readonly Task[]): void {
  const owners = new Map<string, string>();
  for (const [ct, name] of names) {
    for (const file of filesOf(name, tasks)) {
      const owner = owners.get(file.toLowerCase());
      if (owner !== undefined) {
        throw new FedcardioError(
          'BAD_CONFIGURATION',
          `The predictions of ${owner} and ${ct} would have the same file, ${file}.`,
          { hint: 'Nothing was written. Predict them in two calls with different --out.' },
        );
      }
      owners.set(file.toLowerCase(), ct);
    }
  }
}

/** The file that says whose the predictions in a folder are: without a record, they are unfinished ones. */
const writerFile = (name: string, out: string): string =>
  existsSync(join(out, recordFile(name))) ? recordFile(name) : noteFile(name);

/** Whether a record, or a note, is of this CT, model and overlap. A CT that cannot be read replaces nothing: its prediction fails. */
async function isSame(record: string, ct: string, of: Pick<Plan, 'model' | 'overlap'>): Promise<boolean> {
  if (!existsSync(record)) return false;
  try {
    const { success, data } = recordSchema.safeParse(JSON.parse(readFileSync(record, 'utf8')));
    if (!success || data.model !== of.model || data.overlap !== of.overlap) return false;
    return data.image.sha256 === (await fileHash(ct));
  } catch {
    return false;
  }
}
