import { createWriteStream } from 'node:fs';
import type { DemoEvent } from '../cli/demo/events.ts';
import { eventOfWrite, observeWrites } from '../cli/demo/observe.ts';
import { aggregate } from '../handlers/aggregate.ts';
import type { HandlerContext } from '../handlers/context.ts';
import { dispatch } from '../handlers/dispatch.ts';
import { intake } from '../handlers/intake.ts';
import { orchestrate } from '../handlers/orchestrate.ts';
import { sweep } from '../handlers/sweep.ts';
import { createObjects } from '../lib/aws/objects.ts';
import { createQueues } from '../lib/aws/queues.ts';
import type { Federation } from '../lib/federation/schemas.ts';
import { topologyOf } from '../lib/federation/topology.ts';
import { recordFailure } from '../lib/protocol/gpu-tasks.ts';
import type { Objects, Queues } from '../lib/storage/contract.ts';
import { deploy } from './deploy/deploy.ts';
import { startEmbeddedServer } from './emulator/server.ts';
import { createProcessLauncher, type LauncherEvent } from './process-launcher.ts';
import { startQueueRunner } from './queue-runner.ts';

const SWEEP_SECONDS = 60;

/** Everything that AWS would be: buckets, queues, functions and GPU tasks, in this process and its children. */
export interface Platform {
  readonly endpoint: string;
  readonly objects: Objects;
  readonly queues: Queues;
  /** Resolves when no handler runs and no queue holds a message. */
  idle(): Promise<void>;
  /** Ends functions and tasks; the server stays. */
  stopWork(): Promise<void>;
  close(): Promise<void>;
}

/** Starts all of it; what an interrupted demo left is found and goes on. */
export async function startPlatform(options: {
  readonly federation: Federation;
  readonly dataDir: string;
  readonly log: string;
  /** Where S3 and SQS are; the embedded server is started where there is none. */
  readonly endpoint: string | undefined;
  /** Of the embedded server. */
  readonly port: number;
  readonly maxGpuTasks: number;
  readonly say: (line: string) => void;
  readonly onEvent: (event: DemoEvent) => void;
}): Promise<Platform> {
  const { federation, onEvent } = options;
  const log = createWriteStream(options.log, { flags: 'a' });
  const writeLog = (event: string, fields: Readonly<Record<string, unknown>>) =>
    log.write(`${JSON.stringify({ at: new Date().toISOString(), event, ...fields })}\n`);

  const server = options.endpoint
    ? undefined
    : await startEmbeddedServer({ port: options.port, dataDir: options.dataDir });
  const endpoint = (options.endpoint ?? server?.endpoint) as string;
  const topology = topologyOf(federation);
  options.say(await deploy(endpoint, topology));

  const stored = createObjects({ endpoint });
  const queues = createQueues({ endpoint });
  const objects = observeWrites(stored, (bucket, key) => {
    const event = eventOfWrite(federation, bucket, key);
    if (event) onEvent(event);
  });
  const launcher = createProcessLauncher({
    maxGpuTasks: options.maxGpuTasks,
    env: { FEDCARDIO_ENDPOINT: endpoint },
    onEvent: (event) => {
      if (event.type === 'output' || event.type === 'retrying') writeLog(`task-${event.type}`, { ...event });
      const seen = eventOfGpuTask(event);
      if (seen) onEvent(seen);
    },
    onFailed: (message, reason) => recordFailure(context, message, reason),
  });
  const context: HandlerContext = { federation, objects, queues, launcher, now: () => new Date(), log: writeLog };
  // The tasks of an interrupted demo died with it: the first sweep sends them again, however young they are.
  let resendAfterSeconds: number | undefined = 0;
  const sweepOnce = async () => {
    await sweep(context, resendAfterSeconds === undefined ? {} : { resendAfterSeconds });
    resendAfterSeconds = undefined;
  };
  const runner = startQueueRunner({
    context,
    topology,
    handlers: { intake, dispatch, orchestrate, aggregate },
    onEvent: ({ type, ...fields }) => {
      if (type !== 'handled')
        writeLog(type, { ...fields, ...('error' in fields ? { error: String(fields.error) } : {}) });
    },
    sweep: { everySeconds: SWEEP_SECONDS, run: sweepOnce },
  });

  const stopWork = async () => {
    await runner.stop();
    await launcher.close();
  };
  return {
    endpoint,
    objects: stored,
    queues,
    idle: runner.idle,
    stopWork,
    close: async () => {
      await stopWork();
      await server?.close();
      await new Promise((resolve) => log.end(resolve));
    },
  };
}

/** What a task's life means to the demo. */
function eventOfGpuTask(event: LauncherEvent): DemoEvent | undefined {
  if (event.type === 'output' || event.type === 'retrying') return undefined;
  const { stage, round, site } = event.message;
  switch (event.type) {
    case 'started':
      return { type: 'task-started', stage, round, site };
    case 'progress': {
      const { done: step, total: steps, loss } = event.progress;
      return { type: 'task-step', stage, round, site, step, steps, ...(loss === undefined ? {} : { loss }) };
    }
    case 'done':
      return { type: 'task-done', stage, round, site };
    case 'failed':
      return { type: 'task-failed', stage, round, site, reason: event.reason };
  }
}
