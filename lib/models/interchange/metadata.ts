import { z } from 'zod';
import { FedcardioError } from '../../error.ts';
import { AXIS_ORDERS, type AxisOrder } from '../../federation/schemas/model.ts';
import { taskSchema } from '../../federation/schemas/task.ts';
import { channelsOf, DEFAULT_TASKS, type Task, taskOf } from '../../federation/tasks.ts';

const KEY = 'fedcardio.heads';
const AXES_KEY = 'fedcardio.axes';
/** Files of releases without custom tasks have no definition. */
const headsSchema = z.array(z.object({ task: z.string(), definition: taskSchema.optional() }));

/**
 * Header metadata of an exported file: that its tensors are in PyTorch's format, the task of each output channel, and
 * the order of the axes. `fedcardio.heads` is JSON: task, first channel, the names of the channels in order, and the
 * task's definition. `fedcardio.axes` is such as `xyz`: the first axis after the channels goes to the right.
 */
export function exportMetadata(heads: readonly Task[], axes: AxisOrder): Readonly<Record<string, string>> {
  let first = 0;
  const entries = heads.map((task) => {
    const entry = { task: task.id, first, channels: ['background', ...task.classes], definition: task };
    first += channelsOf(task);
    return entry;
  });
  return { format: 'pt', [KEY]: JSON.stringify(entries), [AXES_KEY]: axes };
}

/**
 * The order of the axes, from {@link exportMetadata}. Releases that did not write it exported `zyx`. Undefined for a
 * file that fedcardio did not export. Throws `BAD_WEIGHTS` for an order that is none.
 */
export function axesOfMetadata(metadata: Readonly<Record<string, string>>): AxisOrder | undefined {
  const text = metadata[AXES_KEY];
  if (text === undefined) return metadata[KEY] === undefined ? undefined : 'zyx';
  const found = AXIS_ORDERS.find((order) => order === text);
  if (found) return found;
  throw new FedcardioError('BAD_WEIGHTS', `the header's "${AXES_KEY}" is no order of the axes z, y and x.`);
}

/**
 * The heads in the order of their channels, from {@link exportMetadata}. Undefined for a file that fedcardio did not
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
