import type { CaseUse } from '../../lib/federation/keys.ts';
import type { TaskId } from '../../lib/federation/tasks.ts';
import { groupBy } from '../../lib/group-by.ts';
import { seededRandom, shuffled } from '../../lib/random.ts';
import { type DatasetCase, labelledTasks } from './dataset.ts';

/**
 * Holds out a share of the labelled cases for scores, drawn from the seed, unless some are held out already. Each task
 * keeps a labelled case for training, and has a held-out one if it has two.
 *
 * @param labelsOf the tasks of a case's labels that can be scored
 */
export function withHeldOut(
  cases: readonly DatasetCase[],
  share: number,
  seed: number,
  labelsOf: (one: DatasetCase) => readonly TaskId[] = labelledTasks,
): readonly DatasetCase[] {
  if (share === 0 || cases.some(({ use }) => use === 'evaluation')) return cases;
  let candidates = shuffled(seededRandom('held-out', seed), cases).filter((one) => labelsOf(one).length > 0);
  const wanted = Math.max(1, Math.round(share * candidates.length));
  const inTraining = countsOf(candidates.flatMap(labelsOf));
  const scored = new Set<TaskId>();
  const heldOut = new Set<string>();
  for (;;) {
    candidates = candidates.filter(
      (one) => !heldOut.has(one.id) && labelsOf(one).every((task) => (inTraining.get(task) ?? 0) > 1),
    );
    const gain = (one: DatasetCase) => labelsOf(one).filter((task) => !scored.has(task)).length;
    const [best] = candidates.toSorted((a, b) => gain(b) - gain(a));
    if (!best || (heldOut.size >= wanted && gain(best) === 0)) break;
    heldOut.add(best.id);
    for (const task of labelsOf(best)) {
      scored.add(task);
      inTraining.set(task, (inTraining.get(task) ?? 0) - 1);
    }
  }
  return cases.map((one) => ({ ...one, use: (heldOut.has(one.id) ? 'evaluation' : 'training') satisfies CaseUse }));
}

function countsOf(tasks: readonly TaskId[]): Map<TaskId, number> {
  const counts = new Map<TaskId, number>();
  for (const task of tasks) counts.set(task, (counts.get(task) ?? 0) + 1);
  return counts;
}

/** Deals the cases out to sites in turn, held-out and labelled ones evenly, in an order drawn from the seed. */
export function dealOut(
  cases: readonly DatasetCase[],
  sites: number,
  seed: number,
): readonly (readonly DatasetCase[])[] {
  const kindOf = (one: DatasetCase) => `${one.use} ${labelledTasks(one).join()}`;
  const kinds = groupBy(shuffled(seededRandom('deal', seed), cases), kindOf);
  const ordered = [...kinds.values()].flat();
  return Array.from({ length: sites }, (_, site) => ordered.filter((_, index) => index % sites === site));
}
