import { FedcardioError } from '../error.ts';
import type { Task } from '../federation/schemas/task.ts';
import { canonicalJson, sha256Hex } from '../json.ts';
import type { TrainedModel } from './package.ts';

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

/** One model, or several whose class probabilities are averaged. */
export interface Ensemble {
  readonly models: readonly TrainedModel[];
  readonly tasks: readonly Task[];
  /** {@link ensembleHash} of the models. */
  readonly sha256: string;
  /** True if a model was trained on synthetic data alone; undefined if that is known of none. */
  readonly trainedOnPhantoms: true | undefined;
}

/**
 * An ensemble of models by their names.
 *
 * @throws FedcardioError BAD_CONFIGURATION if two are the same model, or as {@link sharedTasks}
 */
export function ensembleOf(named: readonly [NamedModel, ...NamedModel[]]): Ensemble {
  for (const [index, { name, model }] of named.entries()) {
    const before = named.findIndex((other) => other.model.sha256 === model.sha256);
    if (before === index) continue;
    throw new FedcardioError('BAD_CONFIGURATION', `${named[before]?.name} and ${name} are the same model.`, {
      hint: 'Name each model of an ensemble once.',
    });
  }
  const [first, ...others] = named;
  const asNamed = ({ name, model }: NamedModel) => ({ name, tasks: model.tasks });
  const models = named.map(({ model }) => model);
  return {
    models,
    tasks: sharedTasks([asNamed(first), ...others.map(asNamed)]),
    sha256: ensembleHash(models),
    trainedOnPhantoms: models.some(({ trainedOnPhantoms }) => trainedOnPhantoms) || undefined,
  };
}

interface NamedModel {
  readonly name: string;
  readonly model: TrainedModel;
}
