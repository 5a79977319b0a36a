import { expect, test } from 'vitest';
import { collect } from '../../lib/async.ts';
import { createMemoryStorage } from '../../lib/storage/testing-objects.ts';
import { createMeter, meteredStore } from './meter.ts';
import { createResources, REFRESH_MS } from './resources.ts';

/** A clock that moves when somebody sleeps. */
function testClock() {
  let time = 0;
  return {
    now: () => time,
    sleep: async (ms: number) => {
      time += ms;
    },
    pass: (ms: number) => {
      time += ms;
    },
  };
}

test('lets no more than the limit start in any minute, and the rest later, in order', async () => {
  const clock = testClock();
  const meter = createMeter({ ...clock, limit: 3 });
  const started: (readonly [number, number])[] = [];

  await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      await meter.take();
      started.push([index, clock.now()]);
    }),
  );

  expect(started).toEqual([
    [0, 0],
    [1, 0],
    [2, 0],
    [3, 60_000],
    [4, 60_000],
    [5, 60_000],
    [6, 120_000],
    [7, 120_000],
  ]);
});

test('counts a request for each read, and one for each thousand that are listed', async () => {
  const clock = testClock();
  const meter = createMeter(clock);
  const stored = createMemoryStorage()('b');
  for (let index = 0; index < 2001; index++) await stored.put(`k${index}`, '');
  const store = meteredStore(stored, meter);

  await store.tryGet('k1');
  await collect(store.list(''));

  expect(meter.count()).toBe(4);
  clock.pass(60_000);
  expect(meter.count()).toBe(0);
});

test('a resource is read once in its interval, failures too, and not while the budget is used up', async () => {
  const clock = testClock();
  let mayRefresh = true;
  let reads = 0;
  const resources = createResources({ now: clock.now, mayRefresh: () => mayRefresh });
  const read = async () => ++reads;
  const fail = async () => {
    reads++;
    throw new Error('away');
  };

  await Promise.all([resources.get('a', read), resources.get('a', read)]);
  expect(reads).toBe(1);
  clock.pass(REFRESH_MS);
  mayRefresh = false;
  expect((await resources.get('a', read)).text).toBe('1');
  mayRefresh = true;
  expect((await resources.get('a', read)).text).toBe('2');

  await expect(resources.get('b', fail)).rejects.toThrow('away');
  await expect(resources.get('b', fail)).rejects.toThrow('away');
  expect(reads).toBe(3);
  clock.pass(REFRESH_MS);
  await expect(resources.get('b', fail)).rejects.toThrow('away');
  expect(reads).toBe(4);
});
