import { beforeEach, describe, expect, test } from 'vitest';
import { FedcardioError } from '../../lib/error.ts';
import type { Objects } from '../../lib/storage/contract.ts';
import { claimMerge } from '../../lib/storage/lease.ts';
import { createMemoryObjects } from '../../lib/storage/testing-objects.ts';

const AT = { campaign: 'tavi', stage: 'student', round: 1 };
const federation = { schema: 'fedcardio.federation/1' as const, id: 'heart', sites: [] };

let seconds: number;
let objects: Objects;
/** Writes, by their number, that take effect while their answer is lost: repeated by the SDK, they fail on their own success. */
let echoes: ReadonlySet<number>;

beforeEach(() => {
  seconds = 0;
  echoes = new Set();
  const memory = createMemoryObjects();
  let writes = 0;
  objects = {
    ...memory,
    put: async (...args) => {
      const written = await memory.put(...args);
      if (echoes.has(++writes)) throw new FedcardioError('PRECONDITION_FAILED', 'another writer was there first');
      return written;
    },
  };
});

const claim = () => claimMerge({ objects, federation, now: () => new Date(seconds * 1000) }, AT);

describe('claimMerge', () => {
  test('gives the merge to one, until the lease runs out or is given back', async () => {
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

  test('is held for longer by who renews it in time', async () => {
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
  ])('knows its own lease when the answer to %s is lost', async (_, echo) => {
    echoes = new Set([echo]);
    const held = await claim();
    seconds = 40;
    await held?.renew();
    expect(await claim()).toBeUndefined();
    await held?.release();
    expect(await claim()).toBeDefined();
  });

  test('knows that it has overtaken another when the answer to that is lost', async () => {
    await claim();
    seconds = 60;
    // The second write is refused: the first lease stands there.
    echoes = new Set([2]);
    expect(await claim()).toBeDefined();
  });
});
