import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { z } from 'zod';
import type { HandlerContext, SqsHandler } from '../../handlers/context.ts';
import { collect } from '../../lib/async.ts';
import { createObjects } from '../../lib/aws/objects.ts';
import { createQueues } from '../../lib/aws/queues.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { type CampaignInput, type Federation, type Outcome, outcomeSchema } from '../../lib/federation/schemas.ts';
import { names, topologyOf } from '../../lib/federation/topology.ts';
import { recordFailure } from '../../lib/protocol/gpu-tasks.ts';
import { readJson, tryReadJson } from '../../lib/storage/documents.ts';
import { deploy } from '../../local/deploy/deploy.ts';
import { createProcessLauncher, type LauncherEvent } from '../../local/process-launcher.ts';
import { startQueueRunner } from '../../local/queue-runner.ts';
import { startTestPlatform } from './endpoint.ts';

/** How soon a message that failed comes again. Whole seconds: SQS knows no others. */
const RETRY_SECONDS = 1;

export interface LocalFederationOptions {
  readonly sites: readonly string[];
  /** Every message of every queue is delivered a second time, after it was handled. */
  readonly duplicates?: boolean;
  /** "stage#round@site" of a task whose process is sent a signal after a step, once; without more, killed after its first. */
  readonly crash?: string;
  readonly crashStep?: number;
  readonly crashSignal?: 'SIGTERM' | 'SIGKILL';
  /** Put in the place of what the context has, such as another launcher. */
  readonly extras?: (context: HandlerContext) => Partial<HandlerContext>;
}

/**
 * For tests: the whole federation on this machine. S3 and SQS over HTTP, the real handlers, tasks in processes of
 * their own. Nothing is simulated.
 */
export async function startLocalFederation(options: LocalFederationOptions) {
  const directory = await mkdtemp(join(tmpdir(), 'fedcardio-pipeline-'));
  const failures: unknown[] = [];
  const platform = await startTestPlatform(directory, (error) => failures.push(error));
  const { endpoint, handlers } = platform;
  const federation: Federation = {
    schema: 'fedcardio.federation/1',
    id: platform.federationId,
    sites: options.sites.map((id) => ({ id, name: id })),
  };
  const topology = topologyOf(federation);
  await deploy(endpoint, topology);
  const [objects, queues] = [createObjects({ endpoint }), createQueues({ endpoint })];

  const tasks: LauncherEvent[] = [];
  const log: { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }[] = [];
  const launcher = createProcessLauncher({
    maxGpuTasks: 2,
    command: [process.execPath, '--import', TSX, CHILD],
    // One thread: the order of float additions, and so every weight, is the same in every run.
    env: {
      FEDCARDIO_ENDPOINT: endpoint,
      TF_NUM_INTRAOP_THREADS: '1',
      CRASH: options.crash ?? '',
      CRASH_STEP: String(options.crashStep ?? 1),
      CRASH_SIGNAL: options.crashSignal ?? 'SIGKILL',
      MARKER: join(directory, 'crashed'),
    },
    onEvent: (event) => tasks.push(event),
    onFailed: (message, reason) => recordFailure(context, message, reason),
  });
  const local: HandlerContext = {
    federation,
    objects,
    queues,
    launcher,
    now: () => new Date(),
    log: (event, fields) => log.push({ event, fields }),
  };
  const context = { ...local, ...options.extras?.(local) };
  const repeat = options.duplicates
    ? redelivering(topology.queues.map(({ name }) => name))
    : (handler: SqsHandler) => handler;
  const runner = startQueueRunner({
    context,
    topology,
    handlers: {
      ...handlers,
      dispatch: repeat(handlers.dispatch),
      orchestrate: repeat(handlers.orchestrate),
      aggregate: repeat(handlers.aggregate),
    },
    onEvent: (event) => {
      if ('error' in event) failures.push(event.error);
    },
    retrySeconds: RETRY_SECONDS,
  });
  const bucket = names.federationBucket(federation.id);

  return {
    federation,
    endpoint,
    objects,
    queues,
    bucket,
    siteBucket: (site: string) => names.siteBucket(federation.id, site),
    /** What the launcher did, and what the handlers logged. */
    tasks,
    log,
    idle: runner.idle,
    keys: async (of: string, prefix = '') => (await collect(objects.list(of, prefix))).map(({ key }) => key),
    read: <S extends z.ZodType>(of: string, key: string, schema: S) => readJson(objects, of, key, schema),
    /** Uploads campaign.json, and waits for the campaign's outcome and until no message is left. */
    async run(campaign: CampaignInput): Promise<Outcome> {
      await objects.put(bucket, federationKeys.campaign(campaign.id), JSON.stringify(campaign));
      for (;;) {
        const outcome = await tryReadJson(objects, bucket, federationKeys.outcome(campaign.id), outcomeSchema);
        if (outcome) {
          await runner.idle();
          return outcome.value;
        }
        await sleep(50);
      }
    },
    async close() {
      await runner.stop();
      await launcher.close();
      await platform.close();
      await rm(directory, { recursive: true });
      if (failures.length > 0) throw new AggregateError(failures, 'the server or the runner failed');
    },
  };
}

export type LocalFederation = Awaited<ReturnType<typeof startLocalFederation>>;

/** Puts every message that was handled back into its queue, once, as SQS may deliver twice. */
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
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
