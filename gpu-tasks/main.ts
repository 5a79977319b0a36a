/**
 * Entry point of the container. Runs one GPU task, whose message is the first argument or FEDCARDIO_TASK. It exits with 0
 * if the task is answered or not due, or with a code of {@link EXIT}. With FEDCARDIO_MERGE it merges that round instead.
 * On the machine of an on-premises site, FEDCARDIO_SITE_ENDPOINT has the site's bucket, and FEDCARDIO_SENT_LOG names the log
 * of what is sent. With an IPC channel (from the process launcher) the process stays warm and takes messages one after the other, so that
 * libraries load and cases are prepared once.
 */

import { runMergeJob } from '../handlers/batch/merge-job.ts';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { siteConnection } from '../lib/aws/site-connection.ts';
import { describeError, errorCode, isFedcardioError, isOutage } from '../lib/error.ts';
import { withoutCases, withoutCasesIn } from '../lib/federation/cloud-logs.ts';
import { EXIT } from '../lib/federation/exit-codes.ts';
import { type GpuTaskMessage, gpuTaskAddressSchema, gpuTaskMessageSchema } from '../lib/federation/schemas.ts';
import { parseDocument } from '../lib/json.ts';
import { loadBackend } from '../lib/nn/backend.ts';
import { peakRss } from '../lib/peak-rss.ts';
import { refuseNewerTask } from '../lib/protocol/gpu-tasks.ts';
import { createWaitOut, type Line, logOutage, type OutageEvent, waitingStore } from '../lib/storage/outages.ts';
import { openSentLog, recordingStore } from '../lib/storage/sent-log.ts';
import { storesOf, wrapBuckets } from '../lib/storage/stores.ts';
import { createCache } from './cache.ts';
import type { GpuTaskContext } from './context.ts';
import { memoryLimit } from './memory-limit.ts';
import { type GpuTaskOutcome, runGpuTask } from './run-gpu-task.ts';

const CACHE_BYTES = 512 * 2 ** 20;
/** A container that waits longer for its storage gives its GPU back: the job is started again. */
const OUTAGE_SECONDS = 900;

const stopping = new AbortController();
let exitDeferred = false;
process.on('SIGTERM', () => {
  stopping.abort();
  if (!exitDeferred) process.exit(EXIT.interrupted);
});

const now = () => new Date();
const own = siteConnection(process.env);
/** Whether the log leaves the hospital: not on its own machine, nor where the launcher's log is. */
const isInCloud = !own && !process.send;
const log = (event: string, fields: Readonly<Record<string, unknown>>) =>
  console.error(JSON.stringify({ event, ...(isInCloud ? withoutCasesIn(fields) : fields) }));
const say = (text: string) => console.error(isInCloud ? withoutCases(text) : text);
const waitOutFor = (line?: Line) =>
  createWaitOut({
    now,
    ...(line && { line }),
    signal: stopping.signal,
    // On one machine there is no host to give back. The launcher ends the process if need be.
    ...(process.send ? {} : { giveUpSeconds: OUTAGE_SECONDS }),
    onEvent: (outage: OutageEvent) => {
      logOutage(log, outage);
      process.send?.({ type: 'outage', outage });
    },
  });
const endpoint = process.env.FEDCARDIO_ENDPOINT;
const federationBuckets = createObjectStorage(endpoint ? { endpoint } : {});
const siteBuckets = own ? createObjectStorage(own) : federationBuckets;
const waitOut = waitOutFor(own && 'federation');
const waitOutSite = own ? waitOutFor('site') : waitOut;
const sent = process.env.FEDCARDIO_SENT_LOG ? openSentLog(process.env.FEDCARDIO_SENT_LOG, now) : undefined;
const openSite = wrapBuckets(siteBuckets, (store) => waitingStore(store, waitOutSite));
const openBucket = wrapBuckets(federationBuckets, (store) => {
  const waiting = waitingStore(store, waitOut);
  return sent ? recordingStore(waiting, sent, waitOutSite) : waiting;
});
const base = { openBucket, now, log };
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
      return stopping.signal.aborted;
    },
    deferExit: () => {
      exitDeferred = true;
    },
  },
};

async function run(message: GpuTaskMessage, progress: GpuTaskContext['progress']): Promise<GpuTaskOutcome> {
  try {
    const { siteStore: checkpointStore } = storesOf(siteBuckets, message.federation);
    const stores = { ...storesOf(openBucket, message.federation, openSite), checkpointStore };
    return await runGpuTask(message, { ...warm, ...stores, progress });
  } catch (error) {
    if (stopping.signal.aborted) {
      say(describeError(error));
      process.exit(EXIT.interrupted);
    }
    throw error;
  } finally {
    exitDeferred = false;
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
            code: errorCode(error),
            isOutage: isOutage(error),
            message: describeError(error),
          }),
      )
      .finally(() => {
        // SIGTERM arrived too late to interrupt the GPU task.
        if (stopping.signal.aborted) process.disconnect();
      });
  });
  process.on('disconnect', () => process.exit(0));
} else {
  const text = process.argv[2] ?? process.env.FEDCARDIO_TASK;
  const message = await readMessage(text);
  console.error(backend.description);
  try {
    console.error(
      await run(message, ({ done, total, loss }) => console.error(`${done}/${total} ${loss?.toFixed(4) ?? ''}`)),
    );
  } catch (error) {
    say(describeError(error));
    process.exit(isOutage(error) ? EXIT.outage : EXIT.retry);
  }
}

/** Reads the container's message. Exits if it is missing, invalid, or answered as too new. */
async function readMessage(text: string | undefined): Promise<GpuTaskMessage> {
  try {
    return parseDocument(new TextEncoder().encode(text), gpuTaskMessageSchema, 'the GPU task message');
  } catch (error) {
    if (text) say(describeError(error));
    if (text && isFedcardioError(error, 'NEWER_SCHEMA')) await answerNewer(text, error);
    console.error('usage: main.ts <GPU task message as JSON>, or the message in FEDCARDIO_TASK');
    process.exit(EXIT.badMessage);
  }
}

/** Answers a message that is too new for this image, and exits. Returns if the message does not say which round it is for. */
async function answerNewer(text: string, error: unknown): Promise<void> {
  const { success, data: address } = gpuTaskAddressSchema.safeParse(JSON.parse(text));
  if (!success) return;
  try {
    await refuseNewerTask({ ...base, ...storesOf(openBucket, address.federation) }, address, error);
    process.exit(0);
  } catch (failure) {
    say(describeError(failure));
    process.exit(isOutage(failure) ? EXIT.outage : EXIT.retry);
  }
}
