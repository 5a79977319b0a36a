import { z } from 'zod';
import { FedcardioError } from '../../error.ts';
import { channelsOf, TASK_IDS, TASKS, type TaskId } from '../../federation/tasks.ts';

const KEY = 'fedcardio.heads';
const headsSchema = z.array(z.object({ task: z.enum(TASK_IDS) }));

/**
 * Header metadata of an exported file: that its tensors are in PyTorch's format, and the task of each output channel.
 * `fedcardio.heads` is JSON: task, first channel, and the names of the channels in order.
 */
export function headsMetadata(heads: readonly TaskId[]): Readonly<Record<string, string>> {
  let first = 0;
  const entries = heads.map((task) => {
    const entry = { task, first, channels: ['background', ...TASKS[task].classes] };
    first += channelsOf(task);
    return entry;
  });
  return { format: 'pt', [KEY]: JSON.stringify(entries) };
}

/**
 * The heads in the order of their channels, from {@link headsMetadata}. Undefined for a file that fedcardio did not
 * export. Throws `BAD_WEIGHTS` if they cannot be read.
 */
export function headsOfMetadata(metadata: Readonly<Record<string, string>>): readonly TaskId[] | undefined {
  const text = metadata[KEY];
  if (text === undefined) return undefined;
  try {
    return headsSchema.parse(JSON.parse(text)).map(({ task }) => task);
  } catch (cause) {
    throw new FedcardioError('BAD_WEIGHTS', `the header's "${KEY}" names no heads that fedcardio knows.`, { cause });
  }
}
