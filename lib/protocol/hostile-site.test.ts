import { describe, expect, test } from 'vitest';
import { collect } from '../async.ts';
import { federationKeys } from '../federation/keys.ts';
import { aggregationSchema, commitSchema, sealSchema } from '../federation/schemas.ts';
import { sha256Hex } from '../json.ts';
import { readJson } from '../storage/documents.ts';
import { closeRound } from './close-round.ts';
import { answer, crashingBeforeCommit, type OpenRound, openRoundOf, ROUND } from './testing.ts';

const SITES = ['berlin', 'hamburg', 'munich'];

/** A round in which hamburg and munich have answered, and berlin is yet to. */
async function roundAwaitingBerlin(): Promise<OpenRound> {
  const round = await openRoundOf(SITES);
  await answer(round, 'hamburg', [1, 2]);
  await answer(round, 'munich', [3, 4]);
  return round;
}

/** Closes the round; returns who was merged, and why berlin was not. */
async function closed({ context, store }: OpenRound) {
  const result = await closeRound(context, ROUND);
  const commit = await readJson(store, federationKeys.commit(ROUND), commitSchema);
  const { failed } = (await readJson(store, federationKeys.seal(ROUND), sealSchema)).value;
  return { result, sites: commit.value.sites, figures: commit.value.figures, reason: failed[0]?.reason };
}

/** A file with this header. */
function weights(header: string): Uint8Array {
  const json = Buffer.from(header.padEnd(Math.ceil(header.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json]);
}

describe("a hostile site's weights refuse that site alone", () => {
  test.each<[string, Uint8Array, RegExp]>([
    ['a string of 8.4 MB', weights(`{"w":"${'a'.repeat(8_400_000)}"}`), /2 to 1000000 are allowed/],
    ['a string of 0.9 MB', weights(`{"w":"${'a'.repeat(900_000)}"}`), /must have dtype/],
    ['escapes of 0.9 MB', weights(`{"w":"${'\\\\'.repeat(450_000)}"}`), /must have dtype/],
    ['deeply nested arrays', weights(`{"w":${'['.repeat(400_000)}${']'.repeat(400_000)}}`), /nested more than 3 deep/],
    ['a name of 0.9 MB', weights(`{"${'a'.repeat(900_000)}":1}`), /must have dtype/],
    ['deeply nested metadata', weights(`{"__metadata__":{"untrained":"${'['.repeat(400_000)}"}}`), /no values/],
    ['no header', Buffer.alloc(3), /at least 8 bytes/],
  ])('%s', async (_, file, reason) => {
    const round = await roundAwaitingBerlin();
    await answer(round, 'berlin', file);

    const found = await closed(round);

    expect(found).toMatchObject({ result: 'committed', sites: ['hamburg', 'munich'] });
    expect(found.reason).toMatch(reason);
    expect(found.reason?.length).toBeLessThan(1100);
  });
});

describe("a hostile site's update.json refuses that site alone", () => {
  test.each<[string, string | Uint8Array, RegExp]>([
    ['nested arrays', '['.repeat(500_000), /not JSON/],
    [
      'fifty thousand unknown fields',
      JSON.stringify({ status: 'failed', ...Object.fromEntries(Array.from({ length: 5e4 }, (_, i) => [`x${i}`, 1])) }),
      /./,
    ],
    ['bytes that are not UTF-8', Buffer.alloc(9, 0xff), /not JSON/],
    [
      'a field of half a million spaces',
      JSON.stringify({ status: 'failed', [`${' '.repeat(500_000)}x`]: 1 }),
      /Unrecog|expected/,
    ],
    ['nothing', '', /not JSON/],
  ])('%s', async (_, body, reason) => {
    const round = await roundAwaitingBerlin();
    await round.store.put(federationKeys.update(ROUND, 'berlin', 'a'.repeat(64)), body);

    const found = await closed(round);

    expect(found).toMatchObject({ result: 'committed', sites: ['hamburg', 'munich'] });
    expect(found.reason).toMatch(reason);
    expect(found.reason?.length).toBeLessThan(1100);
  });

  test('a refusal.json that is none, written by the site itself', async () => {
    const round = await roundAwaitingBerlin();
    const key = federationKeys.update(ROUND, 'berlin', 'a'.repeat(64));
    await round.store.put(key, '{}');
    await round.store.put(federationKeys.refusal(key), '{}');

    expect(await closed(round)).toMatchObject({ result: 'committed', sites: ['hamburg', 'munich'] });
  });

  test('a refusal.json that is none, written while the round closes', async () => {
    const round = await roundAwaitingBerlin();
    const key = federationKeys.update(ROUND, 'berlin', 'a'.repeat(64));
    await round.store.put(key, '{}');
    const { federationStore } = round.context;
    const tryGet: typeof federationStore.tryGet = async (read) => {
      if (read === key) await round.store.put(federationKeys.refusal(key), '[]');
      return federationStore.tryGet(read);
    };

    const context = { ...round.context, federationStore: { ...federationStore, tryGet } };

    expect(await closed({ ...round, context })).toMatchObject({ result: 'committed', sites: ['hamburg', 'munich'] });
  });

  test('an update that is deleted while the round closes', async () => {
    const round = await roundAwaitingBerlin();
    const key = federationKeys.update(ROUND, 'berlin', 'a'.repeat(64));
    await round.store.put(key, '{}');
    const { federationStore } = round.context;
    const tryGet: typeof federationStore.tryGet = (read) =>
      read === key ? Promise.resolve(undefined) : federationStore.tryGet(read);

    const context = { ...round.context, federationStore: { ...federationStore, tryGet } };

    expect(await closed({ ...round, context })).toMatchObject({ result: 'committed', sites: ['hamburg', 'munich'] });
  });
});

describe("a hostile site's names and numbers", () => {
  test.each(['constructor', 'toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf', '__proto__'])(
    'a figure named "%s" spoils no commit',
    async (name) => {
      const round = await roundAwaitingBerlin();
      await answer(round, 'berlin', [5, 6], { figures: JSON.parse(`{"loss":4,"${name}":1}`) });

      const found = await closed(round);

      expect(found).toMatchObject({ result: 'committed', sites: SITES });
      expect(found.figures.loss).toBeCloseTo(2);
    },
  );

  test('figures whose mean overflows spoil no commit', async () => {
    const round = await roundAwaitingBerlin();
    await answer(round, 'berlin', [5, 6], { figures: { loss: Number.MAX_VALUE } });

    expect(await closed(round)).toMatchObject({ result: 'committed', sites: SITES });
  });

  test('figures of an update that has changed since it was sealed are left out', async () => {
    const round = await roundAwaitingBerlin();
    await answer(round, 'berlin', [5, 6]);
    await expect(closeRound(crashingBeforeCommit(round), ROUND)).rejects.toThrow('crash');
    for await (const { key } of round.store.list(federationKeys.siteUpdates(ROUND, 'berlin'))) {
      if (key.endsWith('.json')) await round.store.put(key, '{');
    }

    expect(await closed(round)).toMatchObject({ result: 'committed', sites: SITES, figures: { loss: 1 } });
  });
});

describe('updates that are replaced after the seal, before the commit', () => {
  test.each([
    ['weights', '.safetensors'],
    ['metadata', '.json'],
  ])('spoil no commit: %s', async (_, suffix) => {
    const round = await roundAwaitingBerlin();
    await answer(round, 'berlin', [5, 6]);
    await expect(closeRound(crashingBeforeCommit(round), ROUND)).rejects.toThrow('crash');
    const models = async () => {
      const listed = await collect(round.store.list(federationKeys.models(ROUND)));
      return listed.flatMap(({ key, etag }) => (key.endsWith('.safetensors') ? [{ key, etag }] : []));
    };
    const merged = await models();
    for await (const { key } of round.store.list(federationKeys.siteUpdates(ROUND, 'berlin'))) {
      if (key.endsWith(suffix)) await round.store.put(key, '{');
    }

    expect(await closed(round)).toMatchObject({ result: 'committed', sites: SITES });
    expect(await models()).toEqual(merged);
    const commit = await readJson(round.store, federationKeys.commit(ROUND), commitSchema);
    const { body } = await round.store.get(merged[0]!.key);
    expect(commit.value.global).toEqual({ key: merged[0]!.key, sha256: sha256Hex(body), bytes: body.length });
  });
});

describe('a flood of junk costs the others a constant time', () => {
  test('reads and refuses as much of 500 objects as of 8', async () => {
    const costOf = async (junk: number) => {
      const round = await roundAwaitingBerlin();
      for (let i = 0; i < junk; i++) {
        const id = String(i).padStart(64, '0');
        await round.store.put(federationKeys.update(ROUND, 'berlin', id), '{');
      }
      expect(await closed(round)).toMatchObject({ result: 'committed', sites: ['hamburg', 'munich'] });
      return { reads: round.reads.length, logged: round.logged.length };
    };

    const few = await costOf(8);

    expect(await costOf(500)).toEqual(few);
    expect(few.reads).toBeLessThan(30);
  });

  test('does not read an update.json of more than a megabyte', async () => {
    const round = await roundAwaitingBerlin();
    const key = federationKeys.update(ROUND, 'berlin', 'a'.repeat(64));
    await round.store.put(key, Buffer.alloc(2 ** 20 + 1, ' '));

    const found = await closed(round);

    expect(found).toMatchObject({ result: 'committed', sites: ['hamburg', 'munich'] });
    expect(found.reason).toMatch(/has 1048577 bytes, 1048576 are allowed/);
    expect(round.reads).not.toContain(key);
  });

  test('does not read a summary.json of more than a megabyte', async () => {
    const round = await roundAwaitingBerlin();
    const key = federationKeys.summary('berlin');
    await round.store.put(key, Buffer.alloc(2 ** 20 + 1, ' '));
    await answer(round, 'berlin', [5, 6], { samples: 5 });

    const found = await closed({ ...round, context: { ...round.context, countingSeconds: 0 } });

    expect(found).toMatchObject({ result: 'committed', sites: ['hamburg', 'munich'] });
    expect(found.reason).toMatch(/claims 5 cases, the site's summary counts 4/);
    expect(round.reads).not.toContain(key);
  });
});

describe('finite but huge weights refuse that site alone', () => {
  test.each(['fedavgm', 'fedadam', 'fedyogi'] as const)('with %s', async (strategy) => {
    const round = await openRoundOf(SITES, aggregationSchema.parse({ strategy }));
    for (const site of ['hamburg', 'munich']) await answer(round, site, [1, 2]);
    await answer(round, 'berlin', [1, 3.3e38]);

    const found = await closed(round);

    expect(found).toMatchObject({ result: 'committed', sites: ['hamburg', 'munich'] });
    expect(found.reason).toMatch(/holds 3\.\d*e\+38/);
  });
});
