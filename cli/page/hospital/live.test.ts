import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createLive } from './live.ts';

/** Whether a promise is settled after some ms. */
const isSettledAfter = (promise: Promise<unknown>, ms: number): Promise<boolean> =>
  Promise.race([promise.then(() => true), sleep(ms).then(() => false)]);

test('a reader that knows nothing, or an old version, is answered at once', async () => {
  const live = createLive('a');

  const { version } = await live.next(undefined);
  live.set('b');

  expect(await live.next(version)).toEqual({ version: version + 1, value: 'b' });
});

test('a reader that knows the last version waits for a change, and several at once are one answer', async () => {
  const live = createLive(0);
  const { version } = await live.next(undefined);

  const next = live.next(version);
  expect(await isSettledAfter(next, 50)).toBe(false);
  for (const value of [1, 2, 3]) live.set(value);

  expect(await next).toEqual({ version: version + 3, value: 3 });
});

test('a change wakes every reader', async () => {
  const live = createLive('a');
  const { version } = await live.next(undefined);

  const all = Promise.all([live.next(version), live.next(version)]);
  live.set('b');

  expect((await all).map(({ value }) => value)).toEqual(['b', 'b']);
});

test('without a change a reader is answered with what it knows, and is told of the next one', async () => {
  const live = createLive('a', 20);
  const { version } = await live.next(undefined);

  expect(await live.next(version)).toEqual({ version, value: 'a' });
  const next = live.next(version);
  live.set('b');

  expect((await next).value).toBe('b');
});
