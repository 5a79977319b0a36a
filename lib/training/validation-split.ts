import type { CatalogEntry, Plan } from '../federation/schemas.ts';
import { isComplete, type Task } from '../federation/tasks.ts';
import { sha256Hex } from '../json.ts';

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
 * The training cases that a campaign holds back for validation: of the cases with a complete label, the first
 * round(share × their number) by a hash of seed and id. A case with the last remaining label of a task is passed over, so that
 * every task that a site could train without the split is still trained. Fewer cases are then held back.
 *
 * @param entries the site's training cases, in any order
 * @returns ids
 */
export function validationCases(
  entries: readonly Pick<CatalogEntry, 'case' | 'labels'>[],
  { seed, share, tasks }: ValidationSplit,
): ReadonlySet<string> {
  const labelled = entries
    .map((entry) => ({ id: entry.case, tasks: labelledTasks(entry, tasks) }))
    .filter((entry) => entry.tasks.length > 0);
  const left = new Map<string, number>();
  for (const task of labelled.flatMap((entry) => entry.tasks)) left.set(task, (left.get(task) ?? 0) + 1);
  const ranked = labelled
    .map((entry) => ({ ...entry, rank: sha256Hex(`validation/${seed}/${entry.id}`) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1));
  const wanted = Math.round(share * labelled.length);
  const chosen = new Set<string>();
  for (const { id, tasks: own } of ranked) {
    if (chosen.size === wanted) break;
    if (own.some((task) => left.get(task) === 1)) continue;
    for (const task of own) left.set(task, (left.get(task) ?? 0) - 1);
    chosen.add(id);
  }
  return chosen;
}

/** The tasks of which a case has a complete label. */
const labelledTasks = ({ labels }: Pick<CatalogEntry, 'labels'>, tasks: readonly Task[]): readonly string[] =>
  tasks.flatMap((task) => {
    const label = Object.hasOwn(labels, task.id) ? labels[task.id] : undefined;
    return label && isComplete(task, label.classes) ? [task.id] : [];
  });
