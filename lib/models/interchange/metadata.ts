import { z } from 'zod';
import { FedcardioError } from '../../error.ts';
import { taskSchema } from '../../federation/schemas/task.ts';
import { channelsOf, DEFAULT_TASKS, type Task, taskOf } from '../../federation/tasks.ts';

const KEY = 'fedcardio.heads';
/** Files of releases without custom tasks have no definition. */
const headsSchema = z.array(z.object({ task: z.string(), definition: taskSchema.optional() }));

/**
 * Header metadata of an exported file: that its tensors are in PyTorch's format, and the task of each output channel.
 * `fedcardio.heads` is JSON: task, first channel, the names of the channels in order, and the task's definition.
 */
export function headsMetadata(heads: readonly Task[]): Readonly<Record<string, string>> {
  let first = 0;
  const entries = heads.map((task) => {
    const entry = { task: task.id, first, channels: ['background', ...task.classes], definition: task };
    first += channelsOf(task);
    return entry;
  });
  return { format: 'pt', [KEY]: JSON.stringify(entries) };
}

/**
 * The heads in the order of their channels, from {@link headsMetadata}. Undefined for a file that fedcardio did not
 * export. Throws `BAD_WEIGHTS` if they cannot be read.
 */
export function headsOfMetadata(metadata: Readonly<Record<string, string>>): readonly Task[] | undefined {
  const text = metadata[KEY];
  if (text === undefined) return undefined;
  try {
    return headsSchema.parse(JSON.parse(text)).map(({ task, definition }) => definition ?? taskOf(DEFAULT_TASKS, task));
  } catch (cause) {
    throw new FedcardioError('BAD_WEIGHTS', `the header's "${KEY}" names no heads that fedcardio knows.`, { cause });
  }
}
