/**
 * Entry point of the container. Runs one GPU task, whose message is the first argument or FEDCARDIO_TASK. Exit codes: 0
 * answered or not due, 1 a retry may help, 2 no valid message, 143 interrupted by SIGTERM (a retry resumes from the
 * checkpoint). With FEDCARDIO_MERGE it merges that round instead. With an IPC channel (from the process launcher) the
 * process stays warm and takes messages one after the other, so that libraries load and cases are prepared once.
 */

import { runMergeJob } from '../handlers/batch/merge-job.ts';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { describeError, isFedcardioError } from '../lib/error.ts';
import { type GpuTaskMessage, gpuTaskMessageSchema } from '../lib/federation/schemas.ts';
import { parseJson } from '../lib/json.ts';
import { loadBackend } from '../lib/nn/backend.ts';
import { peakRss } from '../lib/peak-rss.ts';
import { storesOf } from '../lib/storage/stores.ts';
import { createCache } from './cache.ts';
import type { GpuTaskContext } from './context.ts';
import { memoryLimit } from './memory-limit.ts';
import { type GpuTaskOutcome, runGpuTask } from './run-gpu-task.ts';

const CACHE_BYTES = 512 * 2 ** 20;
/** The exit code that shells report for SIGTERM, 128 + 15. */
const INTERRUPTED = 143;

const stop = { requested: false, exitDeferred: false };
process.on('SIGTERM', () => {
  stop.requested = true;
  if (!stop.exitDeferred) process.exit(INTERRUPTED);
});

const endpoint = process.env.FEDCARDIO_ENDPOINT;
const base = {
  openBucket: createObjectStorage(endpoint ? { endpoint } : {}),
  now: () => new Date(),
  log: (event: string, fields: Readonly<Record<string, unknown>>) =>
    console.error(JSON.stringify({ event, ...fields })),
};
const merge = process.env.FEDCARDIO_MERGE;
if (merge !== undefined) {
  process.exit(await runMergeJob(merge, process.env.FEDCARDIO_FEDERATION, base));
}

const backend = await loadBackend();
const warm = {
  ...base,
  cache: createCache(CACHE_BYTES),
  backend: backend.description,
  memoryLimit: backend.device === 'gpu' ? undefined : memoryLimit(),
  interruption: {
    get requested() {
      return stop.requested;
    },
    deferExit: () => {
      stop.exitDeferred = true;
    },
  },
};

async function run(message: GpuTaskMessage, progress: GpuTaskContext['progress']): Promise<GpuTaskOutcome> {
  try {
    return await runGpuTask(message, { ...warm, ...storesOf(base.openBucket, message.federation), progress });
  } catch (error) {
    if (stop.requested) {
      console.error(describeError(error));
      process.exit(INTERRUPTED);
    }
    throw error;
  } finally {
    stop.exitDeferred = false;
  }
}

if (process.send) {
  const send = process.send.bind(process);
  process.on('message', ({ message }: { readonly message: GpuTaskMessage }) => {
    run(message, (progress) => send({ type: 'progress', ...progress }))
      .then(
        (outcome) =>
          send({
            type: 'done',
            result: { outcome, backend: backend.description, rss: peakRss() },
          }),
        (error: unknown) =>
          send({
            type: 'failed',
            code: isFedcardioError(error) ? error.code : 'UNEXPECTED',
            message: describeError(error),
          }),
      )
      .finally(() => {
        // SIGTERM arrived too late to interrupt the GPU task.
        if (stop.requested) process.disconnect();
      });
  });
  process.on('disconnect', () => process.exit(0));
} else {
  const message = parseMessage(process.argv[2] ?? process.env.FEDCARDIO_TASK);
  console.error(backend.description);
  try {
    console.error(
      await run(message, ({ done, total, loss }) => console.error(`${done}/${total} ${loss?.toFixed(4) ?? ''}`)),
    );
  } catch (error) {
    console.error(describeError(error));
    process.exit(1);
  }
}

/** Parses the container's message. Exits with 2 if it is missing or invalid. */
function parseMessage(text: string | undefined): GpuTaskMessage {
  try {
    return parseJson(new TextEncoder().encode(text), gpuTaskMessageSchema, 'the GPU task message');
  } catch (error) {
    if (text) console.error(describeError(error));
    console.error('usage: main.ts <GPU task message as JSON>, or the message in FEDCARDIO_TASK');
    process.exit(2);
  }
}
