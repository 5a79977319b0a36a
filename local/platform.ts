import { aggregate } from '../handlers/aggregate.ts';
import type { GpuTaskLauncher, HandlerContext, SqsHandler } from '../handlers/context.ts';
import { dispatch } from '../handlers/dispatch.ts';
import { intake } from '../handlers/intake.ts';
import { orchestrate } from '../handlers/orchestrate.ts';
import { rescan } from '../handlers/rescan.ts';
import { sweep } from '../handlers/sweep.ts';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { createQueues } from '../lib/aws/queues.ts';
import type { PeriodicFunction } from '../lib/federation/functions.ts';
import type { Federation } from '../lib/federation/schemas.ts';
import { type HandlerName, type QueueSpec, type Topology, topologyOf } from '../lib/federation/topology.ts';
import { recordFailure } from '../lib/protocol/gpu-tasks.ts';
import type { OpenBucket } from '../lib/storage/contract.ts';
import { createWaitOut, logOutage, type OutageEvent, waitingQueues, waitingStore } from '../lib/storage/outages.ts';
import { storesOf, wrapBuckets } from '../lib/storage/stores.ts';
import { type EmbeddedServerOptions, startEmbeddedServer } from './emulator/server.ts';
import { createProcessLauncher, type ProcessLauncherOptions } from './process-launcher.ts';
import { type RunnerEvent, type RunnerOptions, startQueueRunner } from './queue-runner.ts';

/** The real handlers of the queues. */
export const HANDLERS: Readonly<Record<HandlerName, SqsHandler>> = { intake, dispatch, orchestrate, aggregate };

/** @param own the federation with those sites only whose uploads this machine examines */
type StartPeriodic = (context: HandlerContext, options: Sweeps, own: Federation) => () => Promise<void>;

/** The real functions of the schedules, each with its memory of earlier calls. All are called at every sweep. */
const PERIODIC: Readonly<Record<PeriodicFunction, StartPeriodic>> = {
  sweep: periodicSweep,
  rescan: periodicRescan,
};

/** A handler context before it has a launcher. */
type ClientContext = Omit<HandlerContext, 'launcher'>;

/** A launcher with something to end when the platform stops. */
export interface ClosableLauncher extends GpuTaskLauncher {
  close?(): Promise<unknown>;
}

/** Child processes that run GPU tasks. The endpoint is added to their environment. */
type GpuTaskProcessOptions = Omit<ProcessLauncherOptions, 'onFailed' | 'env'> &
  Partial<Pick<ProcessLauncherOptions, 'env'>>;

export interface PlatformOptions {
  readonly federation: Federation;
  /** Endpoint where S3 and SQS already run, or the embedded server to start. */
  readonly server: { readonly endpoint: string } | EmbeddedServerOptions;
  /** Whether to create buckets and queues first. False if another process has done so; true by default. */
  readonly deploy?: boolean;
  /** Child processes, or another launcher. */
  readonly gpuTasks: GpuTaskProcessOptions | ((context: ClientContext) => ClosableLauncher);
  /** Replacements for the real handlers. */
  readonly handlers?: Partial<typeof HANDLERS>;
  /** Selects the queues to consume; all by default. */
  readonly consumes?: (queue: QueueSpec) => boolean;
  /** No sweep by default. */
  readonly sweep?: Sweeps;
  /** Seconds until a failed message is received again. */
  readonly retrySeconds?: number;
  /** Wraps the buckets that the handlers use. */
  readonly wrapBuckets?: (openBucket: OpenBucket) => OpenBucket;
  /** Replaces or adds other parts of the handler context. */
  readonly extend?: (context: ClientContext) => Partial<ClientContext>;
  readonly onRunnerEvent?: (event: RunnerEvent) => void;
  /** Told when functions or GPU tasks wait for the storage, and when they go on. */
  readonly onOutage?: (event: OutageEvent) => void;
  /** Ends all waiting for the storage, so that the platform can be closed during an outage. */
  readonly signal?: AbortSignal;
  readonly log?: HandlerContext['log'];
}

interface Sweeps {
  /** From the end of a sweep to the next. */
  readonly everySeconds: number;
  /** Age at which a sweep sends a GPU task again. */
  readonly resendAfterSeconds?: number;
  /** Least time from a rescan of the sites' cases to the next. 10 minutes by default. */
  readonly rescanEverySeconds?: number;
}

/** A running federation: buckets, queues, functions and GPU tasks, in this process and its children. */
export interface Platform {
  readonly endpoint: string;
  /** One line on how buckets and queues were created, if they were. */
  readonly deployment: string | undefined;
  /** Context of the handlers. Its stores and queues wait out outages. */
  readonly context: HandlerContext;
  /** Resolves when no handler runs and no queue holds a message. */
  idle(): Promise<void>;
  /** Ends functions and GPU tasks; the server keeps running. */
  stopWork(): Promise<void>;
  /** Ends everything that this platform started. */
  close(): Promise<void>;
}

/**
 * Starts a federation on this machine. It continues from what the buckets and queues hold.
 *
 * @throws FedcardioError STORAGE when the endpoint does not answer, BAD_CONFIGURATION when port or directory are in use
 * @example
 * const platform = await startPlatform({ federation, server: { dataDir: '.fedcardio' }, gpuTasks: { maxGpuTasks: 2 } });
 */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const server = 'endpoint' in options.server ? undefined : await startEmbeddedServer(options.server);
  const endpoint = 'endpoint' in options.server ? options.server.endpoint : (server?.endpoint as string);
  try {
    const topology = topologyOf(options.federation);
    const deployment = options.deploy === false ? undefined : await deployTo(endpoint, topology);
    const closing = new AbortController();
    const context = contextOf(options, endpoint, closing.signal);
    const runner = startRunner(options, context, topology);
    const stopWork = async () => {
      await runner.stop();
      await context.launcher.close?.();
    };
    return {
      endpoint,
      deployment,
      context,
      idle: runner.idle,
      stopWork,
      close: async () => {
        closing.abort();
        await stopWork();
        await server?.close();
      },
    };
  } catch (error) {
    await server?.close();
    throw error;
  }
}

async function deployTo(endpoint: string, topology: Topology): Promise<string> {
  // The CDK takes much memory, so a process that does not deploy does not load it.
  const { deploy } = await import('./deploy/deploy.ts');
  return deploy(endpoint, topology);
}

/** Creates all clients of the platform. What they do waits out outages of the storage until `closing`. */
function contextOf(
  options: PlatformOptions,
  endpoint: string,
  closing: AbortSignal,
): HandlerContext & { readonly launcher: ClosableLauncher } {
  const { federation, log = () => undefined, onOutage } = options;
  const now = () => new Date();
  const waitOut = createWaitOut({
    now,
    signal: options.signal ? AbortSignal.any([closing, options.signal]) : closing,
    onEvent: (event) => {
      logOutage(log, event);
      onOutage?.(event);
    },
  });
  const waiting = wrapBuckets(createObjectStorage({ endpoint }), (store) => waitingStore(store, waitOut));
  const clients: ClientContext = {
    federation,
    ...storesOf(options.wrapBuckets?.(waiting) ?? waiting, federation.id),
    queues: waitingQueues(createQueues({ endpoint }), waitOut),
    now,
    log,
  };
  const context = { ...clients, ...options.extend?.(clients) };
  return { ...context, launcher: launcherOf(options, context, endpoint) };
}

function launcherOf(
  { gpuTasks, onOutage }: PlatformOptions,
  context: ClientContext,
  endpoint: string,
): ClosableLauncher {
  if (typeof gpuTasks === 'function') return gpuTasks(context);
  return createProcessLauncher({
    ...gpuTasks,
    onEvent: (event) => {
      if (event.type === 'outage') onOutage?.(event.outage);
      gpuTasks.onEvent?.(event);
    },
    env: { FEDCARDIO_ENDPOINT: endpoint, ...gpuTasks.env },
    onFailed: (message, reason) => recordFailure(context, message, reason),
  });
}

function startRunner(options: PlatformOptions, context: HandlerContext, topology: Topology) {
  const { consumes = () => true, onRunnerEvent, retrySeconds } = options;
  return startQueueRunner({
    context,
    topology: { ...topology, queues: topology.queues.filter(consumes) },
    handlers: { ...HANDLERS, ...options.handlers },
    ...(options.sweep && { sweep: sweepsOf(options.sweep, context, ownOf(topology, consumes)) }),
    ...(onRunnerEvent && { onEvent: onRunnerEvent }),
    ...(retrySeconds !== undefined && { retrySeconds }),
  });
}

const ownOf = ({ federation, queues }: Topology, consumes: (queue: QueueSpec) => boolean): Federation => ({
  ...federation,
  sites: federation.sites.filter(({ id }) =>
    queues.some((queue) => queue.site === id && queue.handler === 'intake' && consumes(queue)),
  ),
});

function sweepsOf(options: Sweeps, context: HandlerContext, own: Federation): NonNullable<RunnerOptions['sweep']> {
  const functions = Object.values(PERIODIC).map((start) => start(context, options, own));
  return {
    everySeconds: options.everySeconds,
    run: async () => {
      for (const periodic of functions) await periodic();
    },
  };
}

/** GPU tasks of an earlier run ended with its process, so the first sweep sends all unanswered ones again. */
function periodicSweep(context: HandlerContext, { resendAfterSeconds }: Sweeps): () => Promise<void> {
  const later = resendAfterSeconds === undefined ? {} : { resendAfterSeconds };
  let isFirst = true;
  return async () => {
    await sweep(context, isFirst ? { resendAfterSeconds: 0 } : later);
    isFirst = false;
  };
}

const RESCAN_EVERY_SECONDS = 600;
/** A long rescan is continued at the next sweep, so that it does not delay the rounds' deadlines. */
const RESCAN_SLICE_SECONDS = 20;

function periodicRescan(
  context: HandlerContext,
  { rescanEverySeconds = RESCAN_EVERY_SECONDS }: Sweeps,
  own: Federation,
): () => Promise<void> {
  let dueAt = 0;
  return async () => {
    if (performance.now() < dueAt) return;
    let isDone = true;
    try {
      isDone = await rescan({ ...context, federation: own }, RESCAN_SLICE_SECONDS);
    } finally {
      if (isDone) dueAt = performance.now() + rescanEverySeconds * 1000;
    }
  };
}
