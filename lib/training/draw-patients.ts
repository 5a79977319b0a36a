import { patientOf } from '../federation/case-names.ts';
import type { TaskId } from '../federation/tasks.ts';
import { groupBy } from '../group-by.ts';

/** A case that may be drawn, with the tasks of its labels. */
export interface DrawnCase {
  readonly id: string;
  readonly tasks: readonly TaskId[];
}

export interface DrawOptions {
  /** Labelled cases to draw. */
  readonly wanted: number;
  /** Whether every task that two patients have labels of gets a drawn case, even if more are drawn than wanted. */
  readonly coversTasks?: boolean;
}

/**
 * Draws cases to be kept from training, all of a patient's or none: a patient on both sides makes the scores too good. Goes through
 * the patients in the order of their first cases, passes over those who have more labelled cases than are still wanted, and at the
 * end draws the smallest of these if that is nearer to what is wanted. Every task keeps a labelled case that is not drawn.
 *
 * @param cases in the order of the draw. Those without labels go with their patient and do not count
 * @returns ids
 */
export function drawPatients(
  cases: readonly DrawnCase[],
  { wanted, coversTasks = false }: DrawOptions,
): ReadonlySet<string> {
  const patients = [...groupBy(cases, ({ id }) => patientOf(id)).values()].map(patientWith);
  const left = countsOf(cases);
  const covered = new Set<TaskId>();
  const drawn = new Set<string>();
  let need = wanted;
  const isPossible = ({ ids, labelled, tasks }: Patient) =>
    labelled > 0 && !drawn.has(ids[0] as string) && [...tasks].every(([task, count]) => (left.get(task) ?? 0) > count);
  const draw = ({ ids, labelled, tasks }: Patient) => {
    need -= labelled;
    for (const id of ids) drawn.add(id);
    for (const [task, count] of tasks) {
      covered.add(task);
      left.set(task, (left.get(task) ?? 0) - count);
    }
  };
  const gain = ({ tasks }: Patient) => [...tasks.keys()].filter((task) => !covered.has(task)).length;
  const excess = ({ labelled }: Patient) => Math.max(0, labelled - need);
  while (coversTasks) {
    const [best] = patients
      .filter((one) => gain(one) > 0 && isPossible(one))
      .toSorted((a, b) => gain(b) - gain(a) || excess(a) - excess(b));
    if (!best) break;
    draw(best);
  }
  for (const one of patients) if (one.labelled <= need && isPossible(one)) draw(one);
  const [smallest] = patients.filter(isPossible).toSorted((a, b) => a.labelled - b.labelled);
  if (smallest && smallest.labelled < 2 * need) draw(smallest);
  return drawn;
}

/** The cases of one patient. */
interface Patient {
  readonly ids: readonly string[];
  /** Number of labelled cases. */
  readonly labelled: number;
  /** Number of labels by task. */
  readonly tasks: ReadonlyMap<TaskId, number>;
}

const patientWith = (cases: readonly DrawnCase[]): Patient => ({
  ids: cases.map(({ id }) => id),
  labelled: cases.filter(({ tasks }) => tasks.length > 0).length,
  tasks: countsOf(cases),
});

function countsOf(cases: readonly DrawnCase[]): Map<TaskId, number> {
  const counts = new Map<TaskId, number>();
  for (const task of cases.flatMap(({ tasks }) => tasks)) counts.set(task, (counts.get(task) ?? 0) + 1);
  return counts;
}
