import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { SqsHandler } from '../../handlers/context.ts';
import { collect } from '../../lib/async.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { type CampaignInput, type Federation, type Outcome, outcomeSchema } from '../../lib/federation/schemas.ts';
import { topologyOf } from '../../lib/federation/topology.ts';
import { programProcess } from '../../lib/program.ts';
import type { ObjectStore } from '../../lib/storage/contract.ts';
import { tryReadJson } from '../../lib/storage/documents.ts';
import { type PlatformOptions, startPlatform } from '../../local/platform.ts';
import type { LauncherEvent } from '../../local/process-launcher.ts';
import { testFederationId, testHandlers, testServer } from './endpoint.ts';

/** Seconds until a failed message is received again, an integer as SQS requires. */
const RETRY_SECONDS = 1;

export interface LocalFederationOptions {
  readonly sites: readonly string[];
  /** Beginning of the federation's id. */
  readonly name?: string;
  /** Whether every message is delivered a second time after it was handled. */
  readonly duplicates?: boolean;
  /** "stage#round@site" of a GPU task whose process gets a signal once. By default SIGKILL after its first step. */
  readonly crash?: string;
  readonly crashStep?: number;
  readonly crashSignal?: 'SIGTERM' | 'SIGKILL';
  /** While this file exists, GPU tasks wait before they begin. */
  readonly hold?: string;
  /** Replaces the launcher of child processes. */
  readonly launcher?: Extract<PlatformOptions['gpuTasks'], (...args: never) => unknown>;
  /** Replaces other parts of the handler context. */
  readonly extend?: NonNullable<PlatformOptions['extend']>;
}

/**
 * The whole federation on this machine: S3 and SQS over HTTP, real handlers, and GPU tasks in child processes.
 */
export async function startLocalFederation(options: LocalFederationOptions) {
  const directory = await mkdtemp(join(tmpdir(), 'fedcardio-pipeline-'));
  const failures: unknown[] = [];
  const federation: Federation = {
    schema: 'fedcardio.federation/1',
    id: testFederationId(options.name),
    sites: options.sites.map((id) => ({ id, name: id })),
  };
  const handlers = await testHandlers();
  const repeat = options.duplicates
    ? redelivering(topologyOf(federation).queues.map(({ name }) => name))
    : (handler: SqsHandler) => handler;
  const tasks: LauncherEvent[] = [];
  const log: { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }[] = [];

  const platform = await startPlatform({
    federation,
    server: testServer(directory, (error) => failures.push(error)),
    gpuTasks: options.launcher ?? {
      maxGpuTasks: 2,
      command: [process.execPath, ...gpuTask.execArgv, CHILD],
      env: {
        // With one thread, the order of float additions and so every weight is the same in every run.
        TF_NUM_INTRAOP_THREADS: '1',
        GPU_TASK: pathToFileURL(gpuTask.file).href,
        CRASH: options.crash ?? '',
        CRASH_STEP: String(options.crashStep ?? 1),
        CRASH_SIGNAL: options.crashSignal ?? 'SIGKILL',
        MARKER: join(directory, 'crashed'),
        HOLD: options.hold ?? '',
      },
      onEvent: (event) => tasks.push(event),
    },
    handlers: {
      ...handlers,
      dispatch: repeat(handlers.dispatch),
      orchestrate: repeat(handlers.orchestrate),
      aggregate: repeat(handlers.aggregate),
    },
    retrySeconds: RETRY_SECONDS,
    ...(options.extend && { extend: options.extend }),
    onRunnerEvent: (event) => {
      if ('error' in event) failures.push(event.error);
    },
    log: (event, fields) => log.push({ event, fields }),
  });
  const { endpoint } = platform;
  const { federationStore, siteStore, queues } = platform.context;

  return {
    federation,
    endpoint,
    federationStore,
    siteStore,
    queues,
    /** Events of the launcher, and the log of the handlers. */
    tasks,
    log,
    idle: platform.idle,
    keys: async <K extends string>(store: ObjectStore<K>, prefix = '') =>
      (await collect(store.list(prefix as K))).map(({ key }) => key),
    /** Uploads campaign.json, and waits for its outcome and until no message is left. */
    async run(campaign: CampaignInput): Promise<Outcome> {
      await federationStore.put(federationKeys.campaign(campaign.id), JSON.stringify(campaign));
      for (;;) {
        const outcome = await tryReadJson(federationStore, federationKeys.outcome(campaign.id), outcomeSchema);
        if (outcome) {
          await platform.idle();
          return outcome.value;
        }
        await sleep(50);
      }
    },
    async close() {
      await platform.close();
      await rm(directory, { recursive: true });
      if (failures.length > 0) throw new AggregateError(failures, 'The server or the runner failed.');
    },
  };
}

export type LocalFederation = Awaited<ReturnType<typeof startLocalFederation>>;

/** Sends every handled message once more, because SQS may deliver twice. */
function redelivering(queues: readonly string[]): (handler: SqsHandler) => SqsHandler {
  const seen = new Set<string>();
  return (handler) => async (event, context) => {
    const response = await handler(event, context);
    for (const record of event.Records as readonly ((typeof event.Records)[number] & { eventSourceARN: string })[]) {
      const queue = queues.find((name) => record.eventSourceARN.endsWith(`:${name}`));
      if (queue === undefined || seen.has(record.body)) continue;
      seen.add(record.body);
      await context.queues.send(queue, record.body);
    }
    return response;
  };
}

const CHILD = fileURLToPath(new URL('../fixtures/pipeline/crash-once.mjs', import.meta.url));
const gpuTask = programProcess('gpu-tasks/main.ts');
