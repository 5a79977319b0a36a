import { FedcardioError } from '../../error.ts';
import { channelsOf, classTitle, type Task, type TaskId, taskOf } from '../../federation/tasks.ts';
import type { TrainedModel } from '../package.ts';
import { headOf } from '../parameters.ts';

/** The output channels of one head: `first` is its background, `end` is one past its last class. */
export interface HeadChannels {
  readonly task: Task;
  readonly first: number;
  readonly end: number;
}

/** The channels of each head in a network whose heads are concatenated. */
export function headChannels(tasks: readonly Task[]): readonly HeadChannels[] {
  let end = 0;
  return tasks.map((task) => {
    const first = end;
    end += channelsOf(task);
    return { task, first, end };
  });
}

/** Titles of all channels, in their order: "Calcification: background". */
export const channelTitles = (tasks: readonly Task[]): readonly string[] =>
  tasks.flatMap((task) =>
    Array.from({ length: channelsOf(task) }, (_, label) => {
      return `${task.title}: ${label === 0 ? 'background' : classTitle(task, label)}`;
    }),
  );

/**
 * The model with one of its heads.
 *
 * @throws FedcardioError `BAD_CONFIGURATION` if it has no such head
 */
export function withHead<T extends Pick<TrainedModel, 'tasks' | 'weights'>>(trained: T, id: TaskId): T {
  const weights = new Map([...trained.weights].filter(([name]) => [undefined, id].includes(headOf(name))));
  return { ...trained, tasks: [taskOf(trained.tasks, id)], weights };
}

/**
 * The only task of a model.
 *
 * @throws FedcardioError `BAD_CONFIGURATION` if it has several: a tool with one softmax over all channels would predict
 *   something else
 */
export function onlyTask(tasks: readonly Task[], tool: string): Task {
  const [task, ...others] = tasks;
  if (task && others.length === 0) return task;
  throw new FedcardioError('BAD_CONFIGURATION', `The model has ${tasks.length} heads, and ${tool} has one.`, {
    hint: `Choose one with --head: ${tasks.map(({ id }) => id).join(', ')}.`,
  });
}
