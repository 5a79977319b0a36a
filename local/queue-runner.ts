import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HandlerContext, SqsEvent, SqsHandler } from '../handlers/context.ts';
import type { HandlerName, QueueSpec, Topology } from '../lib/federation/topology.ts';
import type { QueueMessage } from '../lib/storage/contract.ts';

export type RunnerEvent =
  | {
      readonly type: 'handled';
      readonly queue: string;
      readonly messages: number;
      /** Messages that the handler reported as failed. They are received again, and finally go to the dead-letter queue. */
      readonly failed: number;
      readonly seconds: number;
    }
  | { readonly type: 'handler-threw'; readonly queue: string; readonly messages: number; readonly error: unknown }
  | { readonly type: 'queue-unreachable'; readonly queue: string; readonly error: unknown }
  | { readonly type: 'sweep-threw'; readonly error: unknown };

export interface RunnerOptions {
  readonly context: HandlerContext;
  readonly topology: Topology;
  readonly handlers: Readonly<Record<HandlerName, SqsHandler>>;
  /** Stops the runner like {@link Runner.stop}. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RunnerEvent) => void;
  /** Runs at the start, and again each time `everySeconds` after it ended. */
  readonly sweep?: { readonly everySeconds: number; readonly run: () => Promise<void> };
  /** Seconds until a failed message is received again. On AWS this is the queue's visibility time-out. */
  readonly retrySeconds?: number;
}

export interface Runner {
  /** Stops receiving and waits for running handlers. */
  stop(): Promise<void>;
  /** Resolves when no handler runs and no queue holds a message, except for dead letters. */
  idle(): Promise<void>;
}

/** Most messages of one receive call of SQS. */
const RECEIVE_MAX = 10;
/** Longest wait of one receive call of SQS. */
const WAIT_SECONDS = 20;
/** A queue that cannot be reached is tried after 1, 2, … seconds, and reported at once and then each minute. */
const LONGEST_PAUSE_SECONDS = 5;
const REPORT_SECONDS = 60;

/**
 * Consumes queues as Lambda does: long-polls each queue, passes batches to its handler, and deletes the messages that did
 * not fail. Handles one batch of a queue at a time, and all queues concurrently.
 */
export function startQueueRunner(options: RunnerOptions): Runner {
  const { context, topology, sweep, retrySeconds = 2, onEvent = () => undefined } = options;
  const stopping = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stopping.signal]) : stopping.signal;
  // One long poll per queue listens to it. Node would warn about more than ten.
  setMaxListeners(0, signal);
  const watch = createIdleWatch(() => isDrained(context, topology));

  async function consume(queue: QueueSpec): Promise<void> {
    /** Failures in a row. */
    let failures = 0;
    let reportedAt = 0;
    while (!signal.aborted) {
      try {
        const messages = await receiveBatch(context, queue, signal);
        failures = 0;
        if (messages.length > 0) {
          const failed = await watch.busyWhile(() => handle(options, queue, messages, retrySeconds));
          // No event tells when a queue moves a message to its dead-letter queue.
          if (failed > 0) setTimeout(watch.check, (retrySeconds + 1) * 1000).unref();
        }
        watch.check();
      } catch (error) {
        if (signal.aborted) return;
        const at = context.now().getTime();
        if (failures === 0 || at - reportedAt >= REPORT_SECONDS * 1000) {
          reportedAt = at;
          onEvent({ type: 'queue-unreachable', queue: queue.name, error });
        }
        failures += 1;
        await pause(Math.min(failures, LONGEST_PAUSE_SECONDS), signal);
      }
    }
  }

  async function sweepAgain(): Promise<void> {
    while (sweep && !signal.aborted) {
      await watch.busyWhile(sweep.run).catch((error) => {
        // What waits for the storage fails when it is told to stop.
        if (!signal.aborted) onEvent({ type: 'sweep-threw', error });
      });
      await pause(sweep.everySeconds, signal);
    }
  }

  const loops = Promise.all([...topology.queues.map(consume), sweepAgain()]);
  return {
    async stop() {
      stopping.abort();
      await loops;
    },
    idle: watch.idle,
  };
}

/** Receives the next batch: a long poll, then further visible messages if the batch may hold more. */
async function receiveBatch(
  { queues }: HandlerContext,
  { name, batchSize }: QueueSpec,
  signal: AbortSignal,
): Promise<readonly QueueMessage[]> {
  const batch: QueueMessage[] = [];
  for (let waitSeconds = WAIT_SECONDS; batch.length < batchSize; waitSeconds = 0) {
    const max = Math.min(RECEIVE_MAX, batchSize - batch.length);
    const received = await queues.receive(name, { max, waitSeconds, signal }).catch((error: unknown) => {
      // Those that came before are handled: nobody else can, for as long as the queue hides them.
      if (batch.length === 0) throw error;
      return [];
    });
    batch.push(...received);
    if (received.length < max) break;
  }
  return batch;
}

/**
 * Invokes the handler with a batch, then deletes or releases each message.
 *
 * @returns number of failed messages
 */
async function handle(
  options: RunnerOptions,
  queue: QueueSpec,
  messages: readonly QueueMessage[],
  retrySeconds: number,
): Promise<number> {
  const { context, handlers, onEvent = () => undefined } = options;
  const started = performance.now();
  const failed = await failuresOf(handlers[queue.handler], context, queue, messages).catch((error) => {
    onEvent({ type: 'handler-threw', queue: queue.name, messages: messages.length, error });
    return messages;
  });
  const done = messages.filter((message) => !failed.includes(message)).map(({ receipt }) => receipt);
  await Promise.all([
    ...failed.map(({ receipt }) => context.queues.changeVisibility(queue.name, receipt, retrySeconds)),
    context.queues.delete(queue.name, done),
  ]);
  const seconds = (performance.now() - started) / 1000;
  onEvent({ type: 'handled', queue: queue.name, messages: messages.length, failed: failed.length, seconds });
  return failed.length;
}

/** Messages that a handler reports as failed. As on Lambda, all of them if it names one that was not in the batch. */
async function failuresOf(
  handler: SqsHandler,
  context: HandlerContext,
  queue: QueueSpec,
  messages: readonly QueueMessage[],
): Promise<readonly QueueMessage[]> {
  const { batchItemFailures } = await handler(sqsEvent(queue, messages), context);
  const named = batchItemFailures.map((failure) => messages.find(({ id }) => id === failure.itemIdentifier));
  const known = named.filter((message) => message !== undefined);
  return known.length < named.length ? messages : known;
}

/** Lambda's event for a batch ("Using Lambda with Amazon SQS", standard queues). */
function sqsEvent(queue: QueueSpec, messages: readonly QueueMessage[]): SqsEvent {
  const Records = messages.map((message) => ({
    messageId: message.id,
    receiptHandle: message.receipt,
    body: message.body,
    attributes: { ApproximateReceiveCount: String(message.receiveCount) },
    messageAttributes: {},
    eventSource: 'aws:sqs',
    eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:${queue.name}`,
    awsRegion: 'us-east-1',
  }));
  return { Records };
}

async function isDrained(context: HandlerContext, topology: Topology): Promise<boolean> {
  const depths = await Promise.all(topology.queues.map((queue) => context.queues.depth(queue.name)));
  return depths.every(({ waiting, inFlight }) => waiting + inFlight === 0);
}

/** Waits for idleness without polling, because it can only begin when work or a receive ends. */
function createIdleWatch(isEmpty: () => Promise<boolean>) {
  let busy = 0;
  /** Number of work items started so far. A check of the queues is void if one started during it. */
  let begun = 0;
  const waiting = new Set<() => void>();

  function check(): void {
    if (busy > 0 || waiting.size === 0) return;
    const before = begun;
    isEmpty().then(
      (empty) => {
        if (!empty || busy > 0 || begun !== before) return;
        for (const resolve of waiting) resolve();
        waiting.clear();
      },
      // The receive loops report an unreachable queue, and their next receive checks again.
      () => undefined,
    );
  }

  return {
    check,
    async busyWhile<T>(work: () => Promise<T>): Promise<T> {
      busy += 1;
      begun += 1;
      try {
        return await work();
      } finally {
        busy -= 1;
        check();
      }
    },
    idle: (): Promise<void> =>
      new Promise((resolve) => {
        waiting.add(resolve);
        check();
      }),
  };
}

const pause = (seconds: number, signal: AbortSignal): Promise<void> =>
  sleep(seconds * 1000, undefined, { signal }).catch(() => undefined);
