/**
 * Entry point of the container. Runs one GPU task, given as a message in the first argument or in FEDCARDIO_TASK. Exit
 * codes: 0 answered or not due, 1 a retry may help, 2 no valid message, 143 interrupted by SIGTERM (a retry resumes from
 * the checkpoint). With FEDCARDIO_MERGE it merges the round named there instead. Started with an IPC channel, as the
 * process launcher does, the process stays warm and takes messages one after the other, so that libraries load and cases
 * are prepared once.
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

const stop = { requested: false, held: false };
process.on('SIGTERM', () => {
  stop.requested = true;
  if (!stop.held) process.exit(INTERRUPTED);
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
    hold: () => {
      stop.held = true;
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
    stop.held = false;
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
        // SIGTERM came after the task had finished.
        if (stop.requested) process.disconnect();
      });
  });
  process.on('disconnect', () => process.exit(0));
} else {
  const message = messageOf(process.argv[2] ?? process.env.FEDCARDIO_TASK);
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

/** The message that the container was started with; ends the process without a valid one. */
function messageOf(text: string | undefined): GpuTaskMessage {
  try {
    return parseJson(new TextEncoder().encode(text), gpuTaskMessageSchema, 'the task message');
  } catch (error) {
    if (text) console.error(describeError(error));
    console.error('usage: main.ts <task message as JSON>, or the message in FEDCARDIO_TASK');
    process.exit(2);
  }
}
