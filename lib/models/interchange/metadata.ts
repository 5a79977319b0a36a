import { z } from 'zod';
import { FedcardioError } from '../../error.ts';
import { channelsOf, TASK_IDS, TASKS, type TaskId } from '../../federation/tasks.ts';

const KEY = 'fedcardio.heads';
const headsSchema = z.array(z.object({ task: z.enum(TASK_IDS) }));

/**
 * What an exported file says in its header beside the tensors: that they are PyTorch's, and which output channels
 * are whose. `fedcardio.heads` is JSON: task, first channel, and the names of its channels in order.
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
 * The heads in the order of their channels, as {@link headsMetadata} wrote them; undefined for a file that is not
 * fedcardio's. Throws `BAD_WEIGHTS` when they cannot be read.
 */
export function headsOfMetadata(metadata: Readonly<Record<string, string>>): readonly TaskId[] | undefined {
  const text = metadata[KEY];
  if (text === undefined) return undefined;
  try {
    return headsSchema.parse(JSON.parse(text)).map(({ task }) => task);
  } catch (cause) {
    throw new FedcardioError('BAD_WEIGHTS', `the header's "${KEY}" names no heads that fedcardio knows`, { cause });
  }
}
