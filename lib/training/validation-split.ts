import { patientOf } from '../federation/case-names.ts';
import type { CatalogEntry, Plan } from '../federation/schemas.ts';
import { isComplete, type Task } from '../federation/tasks.ts';
import { sha256Hex } from '../json.ts';
import { drawPatients } from './draw-patients.ts';

/** What decides which of a site's training cases a campaign holds back for validation. */
export interface ValidationSplit {
  readonly seed: number;
  /** Share of the labelled training cases, above 0 and at most 0.5. */
  readonly share: number;
  /** The campaign's tasks. Labels of others do not count. */
  readonly tasks: readonly Task[];
}

/** The split of a campaign; undefined if it holds no case back. */
export const validationSplitOf = ({ seed, validation }: Plan['campaign'], tasks: readonly Task[]) =>
  validation && ({ seed, share: validation.share, tasks } satisfies ValidationSplit);

/**
 * The training cases that a campaign holds back for validation: round(share × their number) of those with a complete label, in the
 * order of a hash of seed and patient, by the rules of {@link drawPatients}. Further cases of the same patients are held back too.
 *
 * @param entries the site's training cases, in any order
 * @returns ids
 */
export function validationCases(
  entries: readonly Pick<CatalogEntry, 'case' | 'labels'>[],
  { seed, share, tasks }: ValidationSplit,
): ReadonlySet<string> {
  const ranked = entries
    .map((entry) => ({ id: entry.case, tasks: labelledTasks(entry, tasks) }))
    .map((entry) => ({ ...entry, rank: sha256Hex(`validation/${seed}/${patientOf(entry.id)}`) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1));
  const labelled = ranked.filter((entry) => entry.tasks.length > 0);
  return drawPatients(ranked, { wanted: Math.round(share * labelled.length) });
}

/** The tasks of which a case has a complete label. */
const labelledTasks = ({ labels }: Pick<CatalogEntry, 'labels'>, tasks: readonly Task[]): readonly string[] =>
  tasks.flatMap((task) => {
    const label = Object.hasOwn(labels, task.id) ? labels[task.id] : undefined;
    return label && isComplete(task, label.classes) ? [task.id] : [];
  });

/** Whether a case has a complete label of one of the tasks, so that it can be scored. */
export const isLabelled = (entry: Pick<CatalogEntry, 'labels'>, tasks: readonly Task[]): boolean =>
  labelledTasks(entry, tasks).length > 0;
