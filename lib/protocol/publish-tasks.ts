import { federationKeys } from '../federation/keys.ts';
import { taskListSchema } from '../federation/schemas.ts';
import { documentBody } from '../storage/documents.ts';
import type { StoreContext } from './context.ts';

/**
 * Publishes the tasks that `federation.json` declares to the sites, if they differ from the published ones. If it declares
 * none, a `tasks.json` that somebody has stored by hand remains.
 */
export async function publishTasks({ federation, federationStore, log }: StoreContext): Promise<void> {
  if (!federation.tasks) return;
  const { tasks } = federationKeys;
  const body = documentBody(taskListSchema, { schema: 'fedcardio.tasks/1', tasks: federation.tasks }, tasks);
  const stored = await federationStore.tryGet(tasks);
  if (stored && Buffer.from(stored.body).equals(Buffer.from(body))) return;
  await federationStore.put(tasks, body);
  log('tasks-published', { tasks: federation.tasks.map(({ id }) => id) });
}
