import { aggregate } from '../handlers/aggregate.ts';
import type { GpuTaskLauncher, HandlerContext, SqsHandler } from '../handlers/context.ts';
import { dispatch } from '../handlers/dispatch.ts';
import { intake } from '../handlers/intake.ts';
import { orchestrate } from '../handlers/orchestrate.ts';
import { requireOwnSite } from '../handlers/own-site.ts';
import type { ConnectionOptions } from '../lib/aws/clients.ts';
import type { Federation } from '../lib/federation/schemas.ts';
import type { HandlerName, QueueSpec, Topology } from '../lib/federation/topology.ts';
import { agreeToAll } from '../lib/protocol/consent/at-site.ts';
import { recordFailure } from '../lib/protocol/gpu-tasks.ts';
import type { OpenBucket } from '../lib/storage/contract.ts';
import { createWaitOut, type Line, logOutage, type OutageEvent } from '../lib/storage/outages.ts';
import { storesOf } from '../lib/storage/stores.ts';
import { type EmbeddedServerOptions, type Mount, startEmbeddedServer } from './emulator/server.ts';
import { gpuTaskEnvironment, type Machine, type Part, partOf, reachBoth, reachHere } from './part.ts';
import { createProcessLauncher, type ProcessLauncherOptions } from './process-launcher.ts';
import { type RunnerEvent, startQueueRunner } from './queue-runner.ts';
import { type Sweeps, sweepsOf } from './sweeps.ts';

/** The real handlers of the queues. */
export const HANDLERS: Readonly<Record<HandlerName, SqsHandler>> = { intake, dispatch, orchestrate, aggregate };

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
  /** Endpoint where S3 and SQS already run, or the embedded server to start. With `machine`, it needs S3 only. */
  readonly server: { readonly endpoint: string } | EmbeddedServerOptions;
  /** Whose machine it is. By default it is the coordinator's, and that of all sites except on-premises ones. */
  readonly machine?: Machine;
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

/** A running federation: buckets, queues, functions and GPU tasks, in this process and its children. */
export interface Platform {
  readonly endpoint: string;
  /** One line on how buckets and queues were created, if they were. */
  readonly deployment: string | undefined;
  /** Context of the handlers. Its stores and queues wait out outages. */
  readonly context: HandlerContext;
  /** Serves something else on the port of the server that this platform started; undefined if it started none. */
  readonly mount: ((mount: Mount) => void) | undefined;
  /** Resolves when no handler runs and no queue holds a message. */
  idle(): Promise<void>;
  /** Ends functions and GPU tasks; the server keeps running. */
  stopWork(): Promise<void>;
  /** Ends everything that this platform started. */
  close(): Promise<void>;
}

/**
 * Starts a federation on this machine, or an on-premises site. It continues from what the buckets and queues hold.
 *
 * @throws FedcardioError STORAGE when the endpoint does not answer, BAD_CONFIGURATION when port or directory are in use
 * @example
 * const platform = await startPlatform({ federation, server: { dataDir: '.fedcardio' }, gpuTasks: { maxGpuTasks: 2 } });
 */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const server = 'endpoint' in options.server ? undefined : await startEmbeddedServer(options.server);
  const endpoint = 'endpoint' in options.server ? options.server.endpoint : (server?.endpoint as string);
  const closing = new AbortController();
  try {
    const part = partOf(options, endpoint, server !== undefined);
    const deployment = options.deploy === false ? undefined : await deployTo(part.here, part.topology, options.machine);
    const context = contextOf(options, part, closing.signal);
    if (deployment !== undefined && !options.machine) {
      for (const { site } of part.topology.buckets) {
        if (site !== undefined) await agreeToAll(context.siteStore(site), site, context.now());
      }
    }
    const runner = startRunner(options, part, context);
    const stopWork = async () => {
      await runner.stop();
      await context.launcher.close?.();
    };
    return {
      endpoint,
      deployment,
      context,
      mount: server?.mount,
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

async function deployTo(here: ConnectionOptions, topology: Topology, machine: Machine | undefined): Promise<string> {
  // The CDK takes much memory, so a process that does not deploy does not load it.
  const { deploy, replay } = await import('./deploy/deploy.ts');
  return machine ? replay(here, topology) : deploy(here.endpoint as string, topology);
}

/** Creates all clients of the platform. What they do waits out outages of the storage until `closing`. */
function contextOf(
  options: PlatformOptions,
  part: Part,
  closing: AbortSignal,
): HandlerContext & { readonly launcher: ClosableLauncher } {
  const { machine, log = () => undefined, onOutage } = options;
  const now = () => new Date();
  const waitOutFor = (line?: Line) =>
    createWaitOut({
      now,
      ...(line && { line }),
      signal: options.signal ? AbortSignal.any([closing, options.signal]) : closing,
      onEvent: (event) => {
        logOutage(log, event);
        onOutage?.(event);
      },
    });
  const { openFederation, openSite, queues } = machine
    ? reachBoth(part, machine, { site: waitOutFor('site'), federation: waitOutFor('federation') }, now)
    : reachHere(part, waitOutFor());
  const wrap = options.wrapBuckets ?? ((openBucket) => openBucket);
  const clients: ClientContext = {
    federation: machine ? part.own : options.federation,
    ...storesOf(wrap(openFederation), options.federation.id, wrap(openSite)),
    queues,
    now,
    log,
  };
  const context = { ...clients, ...options.extend?.(clients) };
  const launcher = launcherOf(options, context, part);
  return { ...context, launcher: machine ? ofOneSite(launcher, machine.site) : launcher };
}

function launcherOf(
  { gpuTasks, onOutage, machine }: PlatformOptions,
  context: ClientContext,
  part: Part,
): ClosableLauncher {
  if (typeof gpuTasks === 'function') return gpuTasks(context);
  return createProcessLauncher({
    ...gpuTasks,
    onEvent: (event) => {
      if (event.type === 'outage') onOutage?.(event.outage);
      gpuTasks.onEvent?.(event);
    },
    env: { ...gpuTaskEnvironment(part, machine), ...gpuTasks.env },
    onFailed: (message, reason) => recordFailure(context, message, reason),
  });
}

/** Starts GPU tasks of one site only, as the Batch launcher does. */
const ofOneSite = (launcher: ClosableLauncher, site: string): ClosableLauncher => ({
  ...launcher,
  submit: async (message, deadline) => {
    requireOwnSite(message, site);
    await launcher.submit(message, deadline);
  },
});

function startRunner(options: PlatformOptions, { topology, queues, own }: Part, context: HandlerContext) {
  const { onRunnerEvent, retrySeconds, sweep, machine } = options;
  return startQueueRunner({
    context,
    topology: { ...topology, queues },
    handlers: { ...HANDLERS, ...options.handlers },
    ...(sweep && { sweep: sweepsOf(sweep, context, own, machine && topology) }),
    ...(onRunnerEvent && { onEvent: onRunnerEvent }),
    ...(retrySeconds !== undefined && { retrySeconds }),
  });
}
