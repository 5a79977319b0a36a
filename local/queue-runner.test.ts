import { afterEach, describe, expect, test } from 'vitest';
import type { HandlerContext, SqsEvent, SqsHandler } from '../handlers/context.ts';
import type { Federation } from '../lib/federation/schemas.ts';
import type { QueueSpec, Topology } from '../lib/federation/topology.ts';
import type { Queues } from '../lib/storage/contract.ts';
import { storesOf } from '../lib/storage/stores.ts';
import { createMemoryStorage } from '../lib/storage/testing-objects.ts';
import { createMemoryQueues } from '../lib/storage/testing-queues.ts';
import { type Runner, type RunnerEvent, type RunnerOptions, startQueueRunner } from './queue-runner.ts';

const queue = (name: string, handler: QueueSpec['handler']): QueueSpec => ({
  name,
  deadLetterQueue: `${name}-dlq`,
  handler,
  visibilityTimeoutSeconds: 360,
  maxReceiveCount: 3,
  batchSize: 10,
});
const FEDERATION: Federation = { schema: 'fedcardio.federation/1', id: 'f', sites: [{ id: 's', name: 'S' }] };
const TOPOLOGY: Topology = {
  federation: FEDERATION,
  buckets: [],
  queues: [queue('in', 'intake'), queue('out', 'aggregate')],
};

const contextOf = (queues: Queues): HandlerContext => ({
  federation: FEDERATION,
  ...storesOf(createMemoryStorage(), FEDERATION.id),
  queues,
  launcher: { submit: async () => undefined },
  now: () => new Date(),
  log: () => undefined,
});

const succeed: SqsHandler = async () => ({ batchItemFailures: [] });
const handlers = (overrides: Partial<RunnerOptions['handlers']>): RunnerOptions['handlers'] => ({
  intake: succeed,
  dispatch: succeed,
  orchestrate: succeed,
  aggregate: succeed,
  ...overrides,
});

let runner: Runner;
function start(queues: Queues, options: Partial<RunnerOptions>): RunnerEvent[] {
  const events: RunnerEvent[] = [];
  runner = startQueueRunner({
    context: contextOf(queues),
    topology: TOPOLOGY,
    handlers: handlers({}),
    onEvent: (event) => events.push(event),
    retrySeconds: 0.05,
    ...options,
  });
  return events;
}
afterEach(() => runner.stop());

describe('local runner', () => {
  test("passes Lambda's event and deletes handled messages", async () => {
    const queues = createMemoryQueues();
    const seen: SqsEvent[] = [];
    await queues.send('in', 'hello');
    start(queues, {
      handlers: handlers({
        intake: async (event) => {
          seen.push(event);
          return { batchItemFailures: [] };
        },
      }),
    });

    await runner.idle();

    expect(seen).toHaveLength(1);
    expect(seen[0]?.Records).toEqual([
      {
        messageId: expect.any(String),
        receiptHandle: expect.any(String),
        body: 'hello',
        attributes: { ApproximateReceiveCount: '1' },
        messageAttributes: {},
        eventSource: 'aws:sqs',
        eventSourceARN: expect.stringMatching(/^arn:aws:sqs:.*:in$/),
        awsRegion: expect.any(String),
      },
    ]);
    expect(await queues.depth('in')).toEqual({ waiting: 0, inFlight: 0 });
  });

  test('retries failed messages only', async () => {
    const queues = createMemoryQueues();
    const attempts: string[] = [];
    for (const body of ['good', 'bad', 'fine']) await queues.send('in', body);
    const events = start(queues, {
      handlers: handlers({
        intake: async ({ Records }) => {
          attempts.push(...Records.map((record) => record.body));
          const failed = Records.filter(
            (record) => record.body === 'bad' && attempts.indexOf('bad') === attempts.lastIndexOf('bad'),
          );
          return { batchItemFailures: failed.map((record) => ({ itemIdentifier: record.messageId })) };
        },
      }),
    });

    await runner.idle();

    expect(attempts).toEqual(['good', 'bad', 'fine', 'bad']);
    expect(events).toMatchObject([
      { type: 'handled', messages: 3, failed: 1 },
      { type: 'handled', messages: 1, failed: 0 },
    ]);
  });

  test.each([
    ['throws', async () => Promise.reject(new Error('broken'))],
    ['names a message that it was not given', async () => ({ batchItemFailures: [{ itemIdentifier: 'another' }] })],
  ] as const)('retries the whole batch when the handler %s', async (_what, misbehave) => {
    const queues = createMemoryQueues();
    for (const body of ['a', 'b']) await queues.send('in', body);
    let calls = 0;
    const events = start(queues, {
      handlers: handlers({ intake: (event, context) => (calls++ === 0 ? misbehave() : succeed(event, context)) }),
    });

    await runner.idle();

    const [first, ...later] = events.filter((event) => event.type === 'handled');
    expect(first).toMatchObject({ messages: 2, failed: 2 });
    // They may become visible at different times and arrive in separate batches.
    expect(later.map((event) => event.failed)).toEqual(later.map(() => 0));
    expect(later.reduce((sum, event) => sum + event.messages, 0)).toBe(2);
  });

  test('is idle only after messages from handlers were handled too', async () => {
    const queues = createMemoryQueues();
    const handled: string[] = [];
    await queues.send('in', 'x');
    start(queues, {
      handlers: handlers({
        intake: async (_event, context) => {
          await context.queues.send('out', 'y');
          handled.push('in');
          return { batchItemFailures: [] };
        },
        aggregate: async () => {
          handled.push('out');
          return { batchItemFailures: [] };
        },
      }),
    });

    await runner.idle();

    expect(handled).toEqual(['in', 'out']);
  });

  test('continues after a queue was temporarily unreachable, which it reports once a minute', async () => {
    const queues = createMemoryQueues();
    let failures = 2;
    const flaky: Queues = {
      ...queues,
      receive: async (name, options) => {
        if (name === 'in' && failures-- > 0) throw new Error('unreachable');
        return queues.receive(name, options);
      },
    };
    await queues.send('in', 'x');
    const events = start(flaky, {});

    await runner.idle();

    expect(events).toMatchObject([
      { type: 'queue-unreachable', queue: 'in' },
      { type: 'handled', queue: 'in' },
    ]);
  });

  test('handles what it has received, if the queue cannot be reached for more', async () => {
    const queues = createMemoryQueues();
    const large = { ...TOPOLOGY, queues: [{ ...queue('in', 'aggregate'), batchSize: 100 }] };
    let receives = 0;
    const flaky: Queues = {
      ...queues,
      receive: async (name, options) => {
        receives += 1;
        if (receives === 2) throw new Error('unreachable');
        return queues.receive(name, options);
      },
    };
    for (let i = 0; i < 12; i += 1) await queues.send('in', String(i));
    const events = start(flaky, { topology: large });

    await runner.idle();

    expect(events).toMatchObject([
      { type: 'handled', queue: 'in', messages: 10 },
      { type: 'handled', queue: 'in', messages: 2 },
    ]);
  });

  test('sweeps repeatedly from the start, even if a sweep throws', async () => {
    let sweeps = 0;
    const events = start(createMemoryQueues(), {
      sweep: {
        everySeconds: 0.02,
        run: async () => {
          sweeps += 1;
          if (sweeps === 1) throw new Error('a bad day');
        },
      },
    });

    await expect.poll(() => sweeps).toBeGreaterThan(2);

    expect(events).toMatchObject([{ type: 'sweep-threw' }]);
  });

  test('reports no sweep that ends because it is stopped, such as one that waits for the storage', async () => {
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    let end: (error: Error) => void = () => undefined;
    const sweep = {
      everySeconds: 1,
      run: () => {
        begin();
        return new Promise<void>((_, reject) => {
          end = reject;
        });
      },
    };
    const events = start(createMemoryQueues(), { sweep });
    await begun;

    const stopped = runner.stop();
    end(new Error('the storage is still away'));
    await stopped;

    expect(events).toEqual([]);
  });

  test('stops during a long poll and lets a running handler end', async () => {
    const queues = createMemoryQueues();
    const abort = new AbortController();
    let ended = false;
    await queues.send('in', 'x');
    start(queues, {
      signal: abort.signal,
      handlers: handlers({
        intake: async () => {
          abort.abort();
          await new Promise((resolve) => setTimeout(resolve, 50));
          ended = true;
          return { batchItemFailures: [] };
        },
      }),
    });

    await expect.poll(() => abort.signal.aborted).toBe(true);
    await runner.stop();

    expect(ended).toBe(true);
    expect(await queues.depth('in')).toEqual({ waiting: 0, inFlight: 0 });
  });
});
