import type { ObjectStore } from '../../lib/storage/contract.ts';

/**
 * Most requests to the storage in any minute, whatever the number of tabs. More wait. Opening a large campaign takes
 * thousands of reads at once; at the price of a listing, this limit costs 0.03 USD a minute at most.
 */
const REQUESTS_A_MINUTE = 6000;

/** What reads thousands of documents, one after another, leaves the rest of a minute's requests to what is on show. */
export const BULK_REQUESTS_A_MINUTE = 4500;

/** What is on show is read again only while fewer requests than this were made in the last minute. */
export const LIVE_REQUESTS_A_MINUTE = 300;

const MINUTE = 60_000;
/** Objects that one request lists. */
const PAGE = 1000;

export interface Meter {
  /** Resolves when a request may start, and counts it. */
  take(): Promise<void>;
  /** Requests in the last minute. */
  count(): number;
}

export interface MeterOptions {
  /** Milliseconds of a clock that only moves forward. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
  readonly limit?: number;
}

/** Counts requests in the last minute, and holds back what is over the limit. */
export function createMeter({ now, sleep, limit = REQUESTS_A_MINUTE }: MeterOptions): Meter {
  const times: number[] = [];
  /** Requests wait in line, so that the first to come is the first to start. */
  let line: Promise<void> = Promise.resolve();
  const forget = () => {
    const first = times.findIndex((time) => time > now() - MINUTE);
    times.splice(0, first === -1 ? times.length : first);
  };
  const start = async () => {
    for (forget(); times.length >= limit; forget()) await sleep((times[0] as number) + MINUTE - now());
    times.push(now());
  };
  return {
    take: () => {
      line = line.then(start);
      return line;
    },
    count: () => {
      forget();
      return times.length;
    },
  };
}

/** A store whose every request goes through the meter. */
export function meteredStore<K extends string>(store: ObjectStore<K>, { take }: Pick<Meter, 'take'>): ObjectStore<K> {
  const after =
    <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await take();
      return call(...args);
    };
  const paged = <T>(list: (prefix: K) => AsyncIterable<T>) =>
    async function* (prefix: K): AsyncGenerator<T> {
      let listed = 0;
      await take();
      for await (const item of list(prefix)) {
        if (listed > 0 && listed % PAGE === 0) await take();
        listed++;
        yield item;
      }
    };
  return {
    bucket: store.bucket,
    get: after(store.get),
    tryGet: after(store.tryGet),
    getRange: after(store.getRange),
    stream: after(store.stream),
    head: after(store.head),
    put: after(store.put),
    putIfAbsent: after(store.putIfAbsent),
    putParts: after(store.putParts),
    list: paged(store.list),
    folders: paged(store.folders),
    delete: after(store.delete),
    versions: paged(store.versions),
    deleteVersion: after(store.deleteVersion),
  };
}
