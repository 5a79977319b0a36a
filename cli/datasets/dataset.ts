import { type CaseUse, parseCaseKey } from '../../lib/federation/keys.ts';
import type { Task, TaskId } from '../../lib/federation/tasks.ts';
import type { EntryFault } from '../../lib/folder.ts';

/** A file of a case on this machine. */
export interface DatasetFile {
  /** Its name below the case's folder in the bucket, such as `labels/calcification.nii.gz`. */
  readonly name: string;
  readonly path: string;
}

/** A file that belongs to no case, or an entry of any folder that cannot be read. */
export interface StrayFile extends DatasetFile {
  /** Why it cannot be read. Its name may not be what the system calls it. */
  readonly fault?: EntryFault;
}

export interface DatasetCase {
  readonly id: string;
  readonly use: CaseUse;
  readonly files: readonly DatasetFile[];
}

/** The cases of one folder on this machine. Nothing has been read from the CTs and labels themselves. */
export interface Dataset {
  readonly cases: readonly DatasetCase[];
  /** Tasks that the folder defines and that are not among the known ones. */
  readonly tasks: readonly Task[];
  /** Files beside the folders of cases, and what cannot be read anywhere. */
  readonly strays: readonly StrayFile[];
}

/** The cases, all of them held out. */
export const asHeldOut = (cases: readonly DatasetCase[]): readonly DatasetCase[] =>
  cases.map((one) => ({ ...one, use: 'evaluation' }));

/** What intake takes a file for. */
const partOf = ({ name }: DatasetFile) => parseCaseKey(`cases/x/${name}`)?.part;

/** Whether intake takes a file for a CT. */
export const isImage = (file: DatasetFile): boolean => partOf(file)?.kind === 'image';

/** The task of a label file; undefined for any other file. */
export function taskOfFile(file: DatasetFile): TaskId | undefined {
  const part = partOf(file);
  return part?.kind === 'label' ? part.task : undefined;
}

/** The tasks that a case has label files of. */
export const labelledTasks = ({ files }: DatasetCase): readonly TaskId[] => [
  ...new Set(files.flatMap((file) => taskOfFile(file) ?? [])),
];
