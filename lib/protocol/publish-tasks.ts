import { federationKeys } from '../federation/keys.ts';
import { taskListSchema } from '../federation/schemas.ts';
import { canonicalJson, sha256Hex } from '../json.ts';
import { readStored, writeDocument } from '../storage/documents.ts';
import type { StoreContext } from './context.ts';

/**
 * Publishes the tasks that `federation.json` declares to the sites, once for each declaration: a list that somebody has set
 * since holds until `federation.json` declares others. If it declares none, every stored list remains.
 *
 * @throws NEWER_SCHEMA if only a newer release can read the stored list
 */
export async function publishTasks({ federation, federationStore, log }: StoreContext): Promise<void> {
  if (!federation.tasks) return;
  const { tasks: key } = federationKeys;
  const declared = sha256Hex(canonicalJson(federation.tasks));
  const stored = await readStored(federationStore, key, taskListSchema);
  if (stored?.value?.declared === declared) return;
  const { tasks } = federation;
  await writeDocument(federationStore, key, taskListSchema, { schema: 'fedcardio.tasks/1', tasks, declared });
  log('tasks-published', { tasks: tasks.map(({ id }) => id) });
}
