import { resolve } from 'node:path';
import { isRefusedName } from '../../lib/federation/case-names.ts';
import { parseCaseKey } from '../../lib/federation/keys.ts';
import type { Task } from '../../lib/federation/tasks.ts';
import type { DatasetCase, DatasetFile } from '../datasets/dataset.ts';
import { keyOf } from '../upload-file.ts';
import type { CheckedCase } from './checked-case.ts';

/**
 * Whether a file of a case may be stored: a CT or a label. A case under a patient's name never leaves the machine, whatever
 * was asked for.
 */
export const isStorable = (one: DatasetCase, file: DatasetFile): boolean => {
  const kind = partOf(one, file)?.kind;
  return !isRefusedName(one.id) && (kind === 'image' || kind === 'label');
};

/** Whether a key is of no label of another task than these. */
export function isOfTasks(key: string, tasks: readonly Task[]): boolean {
  const part = parseCaseKey(key)?.part;
  return part?.kind !== 'label' || tasks.some(({ id }) => id === part.task);
}

const partOf = (one: DatasetCase, file: DatasetFile) => parseCaseKey(keyOf(one, file))?.part;

/**
 * The files of a case that intake would accept: a CT without a fault, and labels of known tasks without one. What intake does
 * not know is left out by its kind, because one fault stands for all files of a format. Labels of a CT that intake would
 * refuse wait with it.
 *
 * @param dir the folder that was checked
 * @param checked what intake says of the case; undefined if nothing was checked
 */
export function acceptedFiles(
  dir: string,
  one: DatasetCase,
  checked: CheckedCase | undefined,
  tasks: readonly Task[],
): readonly DatasetFile[] {
  const storable = one.files.filter((file) => isStorable(one, file));
  if (!checked || checked.faults.length === 0) return storable;
  if (!checked.accepted) return [];
  const faulty = new Set(checked.faults.map(({ file }) => resolve(dir, file)));
  return storable.filter((file) => isOfTasks(keyOf(one, file), tasks) && !faulty.has(resolve(file.path)));
}
