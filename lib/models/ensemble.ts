import { FedcardioError } from '../error.ts';
import type { Task } from '../federation/schemas/task.ts';
import { canonicalJson, sha256Hex } from '../json.ts';

/** A model of an ensemble, as errors name it. */
interface Named {
  readonly name: string;
  readonly tasks: readonly Task[];
}

/**
 * The tasks of models whose class probabilities are averaged, in the first model's order. All must have the same tasks with
 * the same classes.
 *
 * @throws FedcardioError BAD_CONFIGURATION that names two models and what only one of them has
 */
export function sharedTasks([first, ...others]: readonly [Named, ...Named[]]): readonly Task[] {
  for (const other of others) {
    const [own, theirs] = [first, other].map(({ tasks }) => new Set(tasks.map(essenceOf))) as [
      Set<string>,
      Set<string>,
    ];
    const differing = [...first.tasks, ...other.tasks].filter((task) => {
      const essence = essenceOf(task);
      return !own.has(essence) || !theirs.has(essence);
    });
    if (differing.length === 0) continue;
    const ids = [...new Set(differing.map(({ id }) => id))].join(', ');
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `${first.name} and ${other.name} have not learnt the same tasks, or not with the same classes: ${ids}.`,
      { hint: 'Only models of the same tasks can be averaged.' },
    );
  }
  return first.tasks;
}

/** What two definitions of a task must share so that the channels of two heads mean the same. */
const essenceOf = ({ id, kind, classes }: Task): string => canonicalJson({ id, kind, classes });

/**
 * The hash that stands for an ensemble: for one model its own, for several that of their hashes, sorted, one per line. The
 * order in which the models are named does not count.
 */
export const ensembleHash = (models: readonly { readonly sha256: string }[]): string => {
  const hashes = models.map(({ sha256 }) => sha256).sort();
  return hashes.length === 1 ? (hashes[0] as string) : sha256Hex(hashes.join('\n'));
};
