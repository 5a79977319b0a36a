import { setTimeout as delay } from 'node:timers/promises';
import { describeError, type ErrorCode, errorCode, isOutage } from '../error.ts';
import { isRecent } from '../recent.ts';
import type { ObjectStore, Queues } from './contract.ts';

/** An outage of the storage that something waits for. */
export interface Outage {
  readonly code: ErrorCode;
  /** ISO 8601, because outages are sent from process to process. */
  readonly since: string;
  /** The error that is retried, in words. */
  readonly reason: string;
  /** On the machine of an on-premises site: which storage it is. */
  readonly line?: Line;
}

/** The two storages of an on-premises site: its own, and the federation's. */
export type Line = 'site' | 'federation';

/** `waiting`: reported at the beginning, and again each minute. `over`: nothing waits any more. */
export interface OutageEvent extends Outage {
  readonly type: 'waiting' | 'over';
}

export interface OutageOptions {
  readonly now: () => Date;
  /** The storage that the outages are of, if there are two. */
  readonly line?: Line;
  readonly onEvent: (event: OutageEvent) => void;
  /** Ends all waiting: what waits then fails with the error of the storage. */
  readonly signal?: AbortSignal;
  /** Longest wait of one call. Without it, a call waits until the storage is back. */
  readonly giveUpSeconds?: number;
  /** Milliseconds of a clock that nobody sets. */
  readonly elapsed?: () => number;
  /** Waits so many milliseconds. */
  readonly sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<unknown>;
}

/** Repeats work, with growing pauses, as long as it fails because of an outage. The work must be safe to repeat. */
export type WaitOut = <T>(work: () => Promise<T>) => Promise<T>;

const FIRST_PAUSE_MS = 250;
/** Also the longest time from the end of an outage until the work goes on. */
const LONGEST_PAUSE_MS = 5000;
const REPORT_SECONDS = 60;

/** Makes the waiting of a process. All calls that wait at the same time share one outage and its reports. */
export function createWaitOut(options: OutageOptions): WaitOut {
  const { now, onEvent, signal, giveUpSeconds = Number.POSITIVE_INFINITY } = options;
  const elapsed = options.elapsed ?? (() => performance.now());
  const sleep = options.sleep ?? ((ms, signal) => delay(ms, undefined, { signal }));
  let waiting = 0;
  let outage: Outage | undefined;
  let reported = 0;

  function report(error: unknown, at: Date): void {
    const since = outage?.since ?? at.toISOString();
    outage = {
      code: errorCode(error) as ErrorCode,
      since,
      reason: describeError(error),
      ...(options.line && { line: options.line }),
    };
    if (isRecent(new Date(reported), at, REPORT_SECONDS)) return;
    reported = at.getTime();
    onEvent({ type: 'waiting', ...outage });
  }

  function stopWaiting(): void {
    waiting -= 1;
    if (waiting > 0 || !outage) return;
    const over = outage;
    outage = undefined;
    reported = 0;
    onEvent({ type: 'over', ...over });
  }

  async function retry<T>(work: () => Promise<T>, first: unknown): Promise<T> {
    const began = elapsed();
    let error = first;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      if (signal?.aborted || elapsed() - began >= giveUpSeconds * 1000) throw error;
      report(error, now());
      await sleep(pause, signal).catch(() => undefined);
      try {
        return await work();
      } catch (next) {
        if (!isOutage(next)) throw next;
        error = next;
      }
    }
  }

  return async (work) => {
    try {
      return await work();
    } catch (error) {
      if (!isOutage(error)) throw error;
      waiting += 1;
      try {
        return await retry(work, error);
      } finally {
        stopWaiting();
      }
    }
  };
}

/** Logs the begin, the minutes and the end of an outage. */
export const logOutage = (
  log: (event: string, fields: Readonly<Record<string, unknown>>) => void,
  { type, ...outage }: OutageEvent,
): void => log(type === 'waiting' ? 'storage-away' : 'storage-back', { ...outage });

/** One line on an outage for users. */
export function outageText({ code, since, reason, line }: Outage): string {
  const time = since.slice(11, 19);
  if (code === 'STORAGE_FULL') {
    return `${storageName(line)} is full since ${time} UTC, waiting: ${reason} Free space, and the run goes on by itself.`;
  }
  if (line === 'federation') return `The federation does not answer since ${time} UTC, waiting: ${reason}`;
  return `${storageName(line)} is not reachable since ${time} UTC, waiting: ${reason}`;
}

/** What users call the storage of an outage, at the beginning of a sentence. */
export const storageName = (line?: Line): string =>
  line === 'federation' ? 'The federation' : line === 'site' ? "This site's storage" : 'The storage';

/**
 * A store whose calls wait out an outage. A conditional write that took effect although its answer was lost is repeated and
 * fails on itself, as after the SDK's own retries. Not `putParts`, whose parts are consumed, nor `versions` and the
 * body of `stream`.
 */
export const waitingStore = <K extends string>(store: ObjectStore<K>, waitOut: WaitOut): ObjectStore<K> => ({
  ...store,
  get: (key) => waitOut(() => store.get(key)),
  tryGet: (...read) => waitOut(() => store.tryGet(...read)),
  getRange: (...range) => waitOut(() => store.getRange(...range)),
  stream: (key) => waitOut(() => store.stream(key)),
  head: (key) => waitOut(() => store.head(key)),
  put: (...object) => waitOut(() => store.put(...object)),
  putIfAbsent: (key, body) => waitOut(() => store.putIfAbsent(key, body)),
  list: (prefix) =>
    resumed(
      waitOut,
      () => store.list(prefix),
      ({ key }) => key,
    ),
  folders: (prefix) =>
    resumed(
      waitOut,
      () => store.folders(prefix),
      (folder) => folder,
    ),
  delete: (key) => waitOut(() => store.delete(key)),
  deleteVersion: (...version) => waitOut(() => store.deleteVersion(...version)),
});

/** Queues whose calls wait out an outage. Not `receive`, which is called again and again anyway, nor `depth`. */
export const waitingQueues = (queues: Queues, waitOut: WaitOut): Queues => ({
  ...queues,
  send: (queue, body) => waitOut(() => queues.send(queue, body)),
  delete: (queue, receipts) => waitOut(() => queues.delete(queue, receipts)),
  changeVisibility: (...change) => waitOut(() => queues.changeVisibility(...change)),
});

/** A listing that begins again after an outage and passes over what was listed. Keys are listed in byte order. */
async function* resumed<T>(
  waitOut: WaitOut,
  open: () => AsyncIterable<T>,
  keyOf: (item: T) => string,
): AsyncGenerator<T> {
  let items = open()[Symbol.asyncIterator]();
  let last: Buffer | undefined;
  let begunAgain = false;
  const next = async (): Promise<IteratorResult<T>> => {
    try {
      for (;;) {
        const item = await items.next();
        const isListed = begunAgain && !item.done && last && Buffer.compare(Buffer.from(keyOf(item.value)), last) <= 0;
        if (!isListed) return item;
      }
    } catch (error) {
      items = open()[Symbol.asyncIterator]();
      begunAgain = true;
      throw error;
    }
  };
  try {
    for (;;) {
      const item = await waitOut(next);
      if (item.done) return;
      last = Buffer.from(keyOf(item.value));
      yield item.value;
    }
  } finally {
    await items.return?.();
  }
}
