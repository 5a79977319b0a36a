import { basename } from 'node:path';
import { shownFile, shownName } from '../../../lib/federation/case-names.ts';
import type { Task } from '../../../lib/federation/tasks.ts';
import type { DatasetCase } from '../../datasets/dataset.ts';
import { checkFolder } from '../check-folder.ts';
import type { CheckedCase } from '../checked-case.ts';
import { acceptedFiles } from '../storable-files.ts';
import type { Delivery } from './cases.ts';

export interface ExamineOptions {
  /** The federation's tasks, which may change while the inbox is watched. */
  readonly tasks: () => Promise<readonly Task[]>;
  readonly signal: AbortSignal;
}

/** What intake would accept of a delivery. */
export interface Examined {
  /** Cases with the files that can be stored. */
  readonly accepted: readonly DatasetCase[];
  /** Names of the cases of which nothing can be stored, as a log may show them. */
  readonly refusedCases: readonly string[];
  /** Why files are refused, without the name of a patient. */
  readonly reasons: readonly string[];
}

/** Examines the cases of a delivery as intake would, so that nothing is stored that intake would reject. */
export async function examine(
  folder: string,
  { cases, strays }: Delivery,
  { tasks, signal }: ExamineOptions,
): Promise<Examined> {
  const known = await tasks();
  const checked = await checkFolder({ dir: folder, cases, strays, tasks: known }, { tasks: known, signal });
  const byName = new Map(checked.map((one) => [one.case, one]));
  const accepted = cases
    .map((one) => ({ ...one, files: acceptedFiles(folder, one, byName.get(one.id), known) }))
    .filter(({ files }) => files.length > 0);
  const names = new Set(accepted.map(({ id }) => id));
  const refused = checked.filter(({ case: id }) => id !== '.' && !names.has(id));
  return {
    accepted,
    refusedCases: refused.map(({ case: id }) => shownName(id)),
    reasons: checked.flatMap(reasonsOf),
  };
}

/** A path below the folder, or the name of a file of the folder itself. */
const shownPath = (file: string): string =>
  file.startsWith('..') ? shownFile(basename(file)) : file.split('/').map(shownFile).join('/');

/** One for each text: all files of a case with a refused name have the same. */
const reasonsOf = ({ case: id, faults }: CheckedCase): readonly string[] => [
  ...new Set(
    faults.map(({ file, reason, hint }) => {
      const [name, own] = [shownName(id), shownFile(basename(file))];
      const where = id === '.' ? shownPath(file) : name === id ? `${id}/${own}` : name;
      return `${where}: ${reason} ${hint}`.trimEnd();
    }),
  ),
];
