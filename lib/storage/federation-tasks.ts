import { federationKeys } from '../federation/keys.ts';
import { type Federation, taskListSchema } from '../federation/schemas.ts';
import { DEFAULT_TASKS, type Task } from '../federation/tasks.ts';
import type { FederationStore } from './contract.ts';
import { tryReadJson } from './documents.ts';

/** Where the tasks of a federation are declared. */
export interface TaskSource {
  readonly federation: Pick<Federation, 'tasks'>;
  readonly federationStore: Pick<FederationStore, 'bucket' | 'tryGet'>;
}

/**
 * The tasks of a federation: those of `tasks.json` in its bucket, otherwise of `federation.json`, otherwise the default
 * ones. Sites therefore learn of a new task without a new deployment.
 *
 * @throws BAD_MESSAGE if `tasks.json` cannot be read
 */
export async function readTasks({ federation, federationStore }: TaskSource): Promise<readonly Task[]> {
  const stored = await tryReadJson(federationStore, federationKeys.tasks, taskListSchema);
  return stored?.value.tasks ?? federation.tasks ?? DEFAULT_TASKS;
}
