import { beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../async.ts';
import { FedcardioError } from '../error.ts';
import type { ObjectStore } from './contract.ts';
import {
  createWaitOut,
  type OutageEvent,
  type OutageOptions,
  outageText,
  waitingQueues,
  waitingStore,
} from './outages.ts';
import { createMemoryStorage } from './testing-objects.ts';

const START = Date.UTC(2026, 0, 1, 12);
const iso = (ms: number) => new Date(ms).toISOString();
const away = () => new FedcardioError('STORAGE_UNAVAILABLE', 'Nothing answers.');
const full = () => new FedcardioError('STORAGE_FULL', 'The disk is full at /data.');

let clock: number;
let pauses: number[];
let events: OutageEvent[];
const waitOutWith = (more: Partial<OutageOptions> = {}) =>
  createWaitOut({
    now: () => new Date(clock),
    elapsed: () => clock,
    onEvent: (event) => events.push(event),
    sleep: async (ms) => {
      pauses.push(ms);
      clock += ms;
    },
    ...more,
  });
/** Work that fails so many times. */
const failing = (times: number, error: () => Error = away) => {
  let calls = 0;
  return async () => {
    calls += 1;
    if (calls <= times) throw error();
    return `call ${calls}`;
  };
};

beforeEach(() => {
  clock = START;
  pauses = [];
  events = [];
});

describe('waiting out an outage', () => {
  test('reports an outage again after the clock was set back', async () => {
    const waitOut = waitOutWith({
      sleep: async () => {
        clock -= 3_600_000;
      },
    });

    await waitOut(failing(2));

    expect(events.filter(({ type }) => type === 'waiting')).toHaveLength(2);
  });

  test('repeats the work with growing pauses of at most five seconds until it succeeds', async () => {
    expect(await waitOutWith()(failing(8))).toBe('call 9');
    expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
  });

  test('reports the outage at its beginning, each minute and at its end, and not for each attempt', async () => {
    await waitOutWith()(failing(44));

    expect(events.map(({ type }) => type)).toEqual(['waiting', 'waiting', 'waiting', 'waiting', 'over']);
    expect(events.every(({ since, code }) => since === iso(START) && code === 'STORAGE_UNAVAILABLE')).toBe(true);
  });

  test('reports one outage for all calls that wait for it, and a later one anew', async () => {
    const waitOut = waitOutWith({ sleep: async () => undefined });
    await Promise.all([waitOut(failing(2)), waitOut(failing(5)), waitOut(failing(3))]);
    expect(events.map(({ type }) => type)).toEqual(['waiting', 'over']);

    clock += 1000;
    await waitOut(failing(1, full));
    expect(events.slice(2)).toMatchObject([
      { type: 'waiting', code: 'STORAGE_FULL', since: iso(clock) },
      { type: 'over' },
    ]);
  });

  test('passes on any other error at once, also the first one after an outage', async () => {
    const denied = new FedcardioError('STORAGE', 'AccessDenied.');
    await expect(waitOutWith()(() => Promise.reject(denied))).rejects.toBe(denied);
    expect(events).toEqual([]);

    const errors = [away(), denied];
    await expect(waitOutWith()(() => Promise.reject(errors.shift()))).rejects.toBe(denied);
    expect(events.map(({ type }) => type)).toEqual(['waiting', 'over']);
  });

  test.each([0, -600_000, 600_000])('gives up after the given time, also if the clock is set by %s ms', async (by) => {
    const start = clock;
    const now = () => new Date(clock + (clock > start + 10_000 ? by : 0));
    await expect(waitOutWith({ now, giveUpSeconds: 60 })(failing(1000))).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
    });
    expect(clock - START).toBeGreaterThanOrEqual(60_000);
    expect(clock - START).toBeLessThan(66_000);
  });

  test('ends at once when it is stopped', async () => {
    const stop = new AbortController();
    const work = waitOutWith({ signal: stop.signal, sleep: async () => stop.abort() })(failing(1000, full));
    await expect(work).rejects.toMatchObject({ code: 'STORAGE_FULL' });
  });
});

describe('the text for users', () => {
  test('says since when, why, and what to do', () => {
    const since = iso(START);
    expect(outageText({ code: 'STORAGE_UNAVAILABLE', since, reason: 'Nothing answers.' })).toBe(
      'The storage is not reachable since 12:00:00 UTC, waiting: Nothing answers.',
    );
    expect(outageText({ code: 'STORAGE_FULL', since, reason: 'The disk is full at /data.' })).toBe(
      'The storage is full since 12:00:00 UTC, waiting: The disk is full at /data. Free space, and the run goes on by itself.',
    );
  });
});

describe('a store that waits', () => {
  /** A store in memory each of whose calls fails twice first; listings fail before every second item. */
  async function flaky() {
    const store = createMemoryStorage()('bucket');
    for (const key of ['a/1', 'a/2', 'a/３', 'a/😀', 'b/1']) await store.put(key, key);
    const twice = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
      let calls = 0;
      return async (...args: A): Promise<R> => {
        if (calls++ % 3 < 2) throw away();
        return call(...args);
      };
    };
    let failures = 0;
    async function* broken<T>(items: AsyncIterable<T>): AsyncIterable<T> {
      let listed = 0;
      for await (const item of items) {
        if (listed++ === Math.floor(failures / 2) && failures < 8) {
          failures++;
          throw away();
        }
        yield item;
      }
    }
    const unstable: ObjectStore = {
      ...store,
      get: twice(store.get),
      tryGet: twice(store.tryGet),
      getRange: twice(store.getRange),
      head: twice(store.head),
      put: twice(store.put),
      putIfAbsent: twice(store.putIfAbsent),
      stream: twice(store.stream),
      delete: twice(store.delete),
      list: (prefix) => broken(store.list(prefix)),
      folders: (prefix) => broken(store.folders(prefix)),
    };
    return waitingStore(unstable, waitOutWith());
  }

  test('does everything as if there were no outage', async () => {
    const store = await flaky();

    expect(Buffer.from((await store.get('a/1')).body).toString()).toBe('a/1');
    expect(await store.tryGet('a/none')).toBeUndefined();
    expect((await store.head('a/2'))?.bytes).toBe(3);
    expect(await store.putIfAbsent('a/1', 'x')).toBe('exists');
    expect(Buffer.from(await store.getRange('a/1', 1, 3)).toString()).toBe('/1');
    await store.put('a/1', 'new', {});
    await store.delete('b/1');
    expect(Buffer.from((await store.get('a/1')).body).toString()).toBe('new');
    expect(await store.head('b/1')).toBeUndefined();
  });

  test('lists every key once and in order, wherever the outage began', async () => {
    const store = await flaky();
    expect((await collect(store.list('a/'))).map(({ key }) => key)).toEqual(['a/1', 'a/2', 'a/３', 'a/😀']);
    expect(await collect((await flaky()).folders(''))).toEqual(['a/', 'b/']);
  });
});

test('queues that wait send a message that an outage delays', async () => {
  const sent: string[] = [];
  const send = failing(3);
  const queues = {
    send: async (_: string, body: string) => {
      await send();
      sent.push(body);
    },
  } as unknown as Parameters<typeof waitingQueues>[0];

  await waitingQueues(queues, waitOutWith()).send('tasks', 'message');

  expect(sent).toEqual(['message']);
});
