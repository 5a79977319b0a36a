import { FedcardioError } from '../error.ts';
import { federationKeys } from '../federation/keys.ts';
import { federationSchema, taskListSchema } from '../federation/schemas.ts';
import { DEFAULT_TASKS, type Task } from '../federation/tasks.ts';
import { canonicalJson, parseJson } from '../json.ts';
import { own } from '../own.ts';
import { tryReadJson, writeDocument } from '../storage/documents.ts';
import { readSummaries } from '../storage/summaries.ts';
import type { ReaderContext, StoreContext } from './context.ts';

/** The tasks that sites read. */
export interface PublishedTasks {
  readonly tasks: readonly Task[];
  /** Whether the federation has not published any. */
  readonly isDefault: boolean;
}

/** The tasks of a federation as its sites read them. @throws BAD_MESSAGE if `tasks.json` cannot be read */
export async function publishedTasks({ federationStore }: Pick<ReaderContext, 'federationStore'>) {
  const stored = await tryReadJson(federationStore, federationKeys.tasks, taskListSchema);
  return { tasks: stored?.value.tasks ?? DEFAULT_TASKS, isDefault: stored === undefined } satisfies PublishedTasks;
}

/** The tasks of a file: `tasks.json`, or `federation.json` with tasks. @throws BAD_MESSAGE with the path of each fault */
export function parseTaskFile(bytes: Uint8Array, file: string): readonly Task[] {
  if (!isFederation(bytes)) return parseJson(bytes, taskListSchema, file).tasks;
  const { tasks } = parseJson(bytes, federationSchema, file);
  if (tasks) return tasks;
  throw new FedcardioError('BAD_CONFIGURATION', `${file} declares no tasks.`, {
    hint: 'Add "tasks" to it, or give a tasks.json.',
  });
}

function isFederation(bytes: Uint8Array): boolean {
  try {
    const { schema } = JSON.parse(new TextDecoder().decode(bytes)) as { readonly schema?: unknown };
    return typeof schema === 'string' && schema.startsWith('fedcardio.federation/');
  } catch {
    return false;
  }
}

/** What becomes of a task when the list is replaced. */
export interface TaskChange {
  readonly task: string;
  readonly change: 'added' | 'removed' | 'changed' | 'new meaning';
}

/**
 * How a new list differs. A task has a new meaning if its kind or classes differ: a label with the value 2 would then say
 * something else.
 */
export function taskChanges(before: readonly Task[], after: readonly Task[]): readonly TaskChange[] {
  const meaning = ({ kind, classes }: Task) => canonicalJson({ kind, classes });
  const removed = before.filter(({ id }) => !after.some((task) => task.id === id));
  const others = after.flatMap((task): TaskChange[] => {
    const earlier = before.find(({ id }) => id === task.id);
    if (!earlier) return [{ task: task.id, change: 'added' }];
    if (meaning(earlier) !== meaning(task)) return [{ task: task.id, change: 'new meaning' }];
    return canonicalJson(earlier) === canonicalJson(task) ? [] : [{ task: task.id, change: 'changed' }];
  });
  return [...others, ...removed.map(({ id }): TaskChange => ({ task: id, change: 'removed' }))];
}

/**
 * Replaces the tasks of a federation. They hold until `federation.json` declares others than it does now.
 *
 * @param options `force`: also when labels of a task exist that gets a new meaning or is removed
 * @throws BAD_CONFIGURATION naming these tasks and sites; PRECONDITION_FAILED if the list changed in the meantime
 */
export async function setTasks(
  context: Pick<StoreContext, 'federationStore' | 'log'>,
  tasks: readonly Task[],
  { force = false }: { readonly force?: boolean } = {},
): Promise<readonly TaskChange[]> {
  const { federationStore, log } = context;
  const stored = await tryReadJson(federationStore, federationKeys.tasks, taskListSchema);
  const changes = taskChanges(stored?.value.tasks ?? DEFAULT_TASKS, tasks);
  if (changes.length === 0) return changes;
  if (!force) await requireNoLabels(context, changes);
  const value = { ...stored?.value, schema: 'fedcardio.tasks/1' as const, tasks: [...tasks] };
  const condition = stored ? { ifMatch: stored.etag } : ({ ifNoneMatch: '*' } as const);
  await writeDocument(federationStore, federationKeys.tasks, taskListSchema, value, condition);
  log('tasks-published', { tasks: tasks.map(({ id }) => id) });
  return changes;
}

/** Labels of the old meaning would be trained as labels of the new one, and those of a removed task be rejected. */
async function requireNoLabels(
  context: Pick<StoreContext, 'federationStore'>,
  changes: readonly TaskChange[],
): Promise<void> {
  const placesOf = await labelPlaces(context);
  const refused = changes.filter(
    ({ task, change }) => (change === 'new meaning' || change === 'removed') && placesOf(task) !== '',
  );
  if (refused.length === 0) return;
  const reasons = refused.map(
    ({ task, change }) => `${task} ${change === 'removed' ? 'is removed' : 'gets other classes'} (${placesOf(task)})`,
  );
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `Sites have labels of tasks that would change: ${reasons.join('; ')}.`,
    {
      hint: 'Give the new task another id, or change it with --force: stored labels are then read with their new meaning.',
    },
  );
}

/** Where sites have labels of a task, or might have, by their summaries; empty if nowhere. */
async function labelPlaces({ federationStore }: Pick<StoreContext, 'federationStore'>) {
  const { counts, unreadable } = await readSummaries(federationStore);
  const unknown = unreadable.map(({ site }) => `the summary of ${site} cannot be read`);
  return (task: string): string => {
    const sites = [...counts].flatMap(([site, { labelled = {}, labelledEvaluation = {} }]) =>
      (own(labelled, task) ?? 0) + (own(labelledEvaluation, task) ?? 0) > 0 ? [site] : [],
    );
    return [...(sites.length > 0 ? [`labels at ${sites.join(', ')}`] : []), ...unknown].join('; ');
  };
}
