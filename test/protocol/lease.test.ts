import { beforeEach, describe, expect, test } from 'vitest';
import { FedcardioError } from '../../lib/error.ts';
import type { ObjectStore } from '../../lib/storage/contract.ts';
import { claimLease } from '../../lib/storage/lease.ts';
import { createMemoryStorage } from '../../lib/storage/testing-objects.ts';

let seconds: number;
let store: ObjectStore;
/** Numbers of the writes that take effect, but whose answer is lost, so that the SDK's retry fails. */
let unanswered: ReadonlySet<number>;

beforeEach(() => {
  seconds = 0;
  unanswered = new Set();
  const memory = createMemoryStorage()('heart-federation');
  let writes = 0;
  store = {
    ...memory,
    put: async (...args) => {
      const written = await memory.put(...args);
      if (unanswered.has(++writes)) throw new FedcardioError('PRECONDITION_FAILED', 'another writer was first');
      return written;
    },
  };
});

const claim = () => claimLease(store, 'lease.json', () => new Date(seconds * 1000));

describe('claimLease', () => {
  test('grants the merge to one claimant until the lease expires or is released', async () => {
    const first = await claim();
    expect(first).toBeDefined();
    seconds = 59;
    expect(await claim()).toBeUndefined();
    seconds = 60;
    const second = await claim();
    expect(second).toBeDefined();
    await second?.release();
    expect(await claim()).toBeDefined();
  });

  test.each(['', '{', 'null', '[]', '{"schema":"fedcardio.lease/1","until":"soon"}'])(
    'takes over a lease that cannot be read: %s',
    async (body) => {
      await store.put('lease.json', body);

      expect(await claim()).toBeDefined();
      expect(await claim()).toBeUndefined();
    },
  );

  test.each([
    ['two minutes and a second', 121, true],
    ['two minutes', 120, false],
    ['a year', 31_536_000, true],
  ])('takes over a lease that ends in %s: %s', async (_, ahead, isExpired) => {
    const until = new Date(ahead * 1000).toISOString();
    await store.put('lease.json', JSON.stringify({ schema: 'fedcardio.lease/1', holder: 'other', until }));

    expect((await claim()) !== undefined).toBe(isExpired);
  });

  test('extends a lease that is renewed in time', async () => {
    const held = await claim();
    seconds = 40;
    await held?.renew();
    seconds = 99;
    expect(await claim()).toBeUndefined();
    seconds = 100;
    expect(await claim()).toBeDefined();
  });

  test.each([
    ['its claim', 1],
    ['its renewal', 2],
    ['its release', 3],
  ])('recognises its own lease when the answer to %s is lost', async (_, write) => {
    unanswered = new Set([write]);
    const held = await claim();
    seconds = 40;
    await held?.renew();
    expect(await claim()).toBeUndefined();
    await held?.release();
    expect(await claim()).toBeDefined();
  });

  test('recognises its takeover of an expired lease when the answer is lost', async () => {
    await claim();
    seconds = 60;
    // Write 1 is the first lease and write 2 the takeover.
    unanswered = new Set([2]);
    expect(await claim()).toBeDefined();
  });
});
