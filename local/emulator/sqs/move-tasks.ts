import { randomUUID } from 'node:crypto';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { describeError } from '../../../lib/error.ts';
import { type Action, action, arnOf, type Json, queueNameOf, type SqsContext } from './action.ts';
import { SqsError } from './error.ts';
import { sourcesOf } from './queue-actions.ts';
import type { Queue, QueueStore } from './store.ts';

type Status = 'RUNNING' | 'COMPLETED' | 'CANCELLING' | 'CANCELLED' | 'FAILED';

/** A redrive of dead letters. Kept in memory, so a restart ends it and leaves the remaining messages in place. */
interface MoveTask {
  readonly handle: string;
  readonly source: string;
  /** Undefined for each message's original queue. */
  readonly destination: string | undefined;
  readonly perSecond: number | undefined;
  readonly startedAt: number;
  readonly ids: readonly string[];
  status: Status;
  moved: number;
  failure?: string;
}

const TASKS = new WeakMap<QueueStore, MoveTask[]>();

function tasksOf(store: QueueStore): MoveTask[] {
  const tasks = TASKS.get(store) ?? [];
  TASKS.set(store, tasks);
  return tasks;
}

const start = action(
  z.strictObject({
    SourceArn: z.string(),
    DestinationArn: z.string().optional(),
    MaxNumberOfMessagesPerSecond: z.int().min(1).max(500).optional(),
  }),
  (context, { SourceArn, DestinationArn, MaxNumberOfMessagesPerSecond: perSecond }) => {
    const { store } = context;
    const source = queueOf(context, SourceArn);
    const destination = DestinationArn === undefined ? undefined : queueOf(context, DestinationArn).name;
    if (sourcesOf(context, source).length === 0) {
      throw new SqsError('InvalidParameterValue', 'Source queue must be configured as a Dead Letter Queue.');
    }
    if (tasksOf(store).some((task) => task.source === source.name && isActive(task))) {
      throw new SqsError('UnsupportedOperation', 'There is already a task running for the source queue.');
    }
    const startedAt = store.now();
    const ids = [...source.visibility.visible(startedAt)];
    const task: MoveTask = {
      handle: Buffer.from(JSON.stringify({ taskId: randomUUID(), sourceArn: SourceArn })).toString('base64'),
      source: source.name,
      destination,
      perSecond,
      startedAt,
      ids,
      status: 'RUNNING',
      moved: 0,
    };
    tasksOf(store).unshift(task);
    // Such as a full disk. What is left stays where it is.
    move(store, task).catch((error: unknown) => fail(task, describeError(error)));
    return { TaskHandle: task.handle };
  },
);

const isActive = ({ status }: MoveTask): boolean => status === 'RUNNING' || status === 'CANCELLING';

/** Messages moved before other events are handled. */
const MOVES_PER_TURN = 100;

async function move(store: QueueStore, task: MoveTask): Promise<void> {
  for (const id of task.ids) {
    // Must not keep the process alive: a server that ends leaves the remaining messages in place.
    if (task.perSecond) await sleep(1000 / task.perSecond, undefined, { ref: false });
    else if (task.moved % MOVES_PER_TURN === 0) await setImmediate();
    if (task.status === 'CANCELLING') {
      task.status = 'CANCELLED';
      return;
    }
    const failure = moveOne(store, task, id);
    if (failure) return fail(task, failure);
  }
  task.status = task.status === 'CANCELLING' ? 'CANCELLED' : 'COMPLETED';
}

function fail(task: MoveTask, failure: string): void {
  task.status = 'FAILED';
  task.failure = failure;
}

/** A moved message gets a new id, age and receive count, as on AWS. */
function moveOne(store: QueueStore, task: MoveTask, id: string): string | undefined {
  const source = store.queue(task.source);
  if (!source) return 'AWS.SimpleQueueService.NonExistentQueue';
  const message = source.messages.get(id);
  // Received or deleted since the task began.
  if (!message || source.visibility.isHidden(id, store.now())) return undefined;
  const to = task.destination ?? message.deadLetterOf;
  if (to === undefined) return 'CouldNotDetermineMessageSource';
  if (!store.queue(to)) return 'AWS.SimpleQueueService.NonExistentQueue';
  const now = store.now();
  const { body, attributes } = message;
  const moved = { id: randomUUID(), body, attributes, sentAt: now, visibleAt: now, receives: 0 };
  store.commit({ op: 'move', name: source.name, id, to, message: moved });
  task.moved++;
  return undefined;
}

const list = action(
  z.strictObject({ SourceArn: z.string(), MaxResults: z.int().min(1).max(10).default(1) }),
  (context, { SourceArn, MaxResults }) => {
    const { name } = queueOf(context, SourceArn);
    const tasks = tasksOf(context.store).filter(({ source }) => source === name);
    return { Results: tasks.slice(0, MaxResults).map((task) => described(context, task)) };
  },
);

const described = (context: SqsContext, task: MoveTask): Json => ({
  ...(isActive(task) ? { TaskHandle: task.handle } : {}),
  Status: task.status,
  SourceArn: arnOf(context, task.source),
  ...(task.destination === undefined ? {} : { DestinationArn: arnOf(context, task.destination) }),
  ...(task.perSecond === undefined ? {} : { MaxNumberOfMessagesPerSecond: task.perSecond }),
  ApproximateNumberOfMessagesMoved: task.moved,
  ApproximateNumberOfMessagesToMove: task.ids.length,
  ...(task.failure === undefined ? {} : { FailureReason: task.failure }),
  StartedTimestamp: task.startedAt,
});

const cancel = action(z.strictObject({ TaskHandle: z.string() }), ({ store }, { TaskHandle }) => {
  const task = tasksOf(store).find(({ handle }) => handle === TaskHandle);
  if (!task) throw new SqsError('ResourceNotFoundException');
  if (task.status !== 'RUNNING') throw new SqsError('UnsupportedOperation', 'Only a running task can be cancelled.');
  task.status = 'CANCELLING';
  return { ApproximateNumberOfMessagesMoved: task.moved };
});

function queueOf({ store }: SqsContext, arn: string): Queue {
  const queue = store.queue(queueNameOf(arn));
  if (!queue)
    throw new SqsError(
      'ResourceNotFoundException',
      'The resource that you specified for the SourceArn parameter does not exist.',
    );
  return queue;
}

export const MOVE_ACTIONS = {
  CancelMessageMoveTask: cancel,
  ListMessageMoveTasks: list,
  StartMessageMoveTask: start,
} satisfies Readonly<Record<string, Action>>;
