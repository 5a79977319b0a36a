import { describe, expect, test } from 'vitest';
import { federationKeys } from '../federation/keys.ts';
import { commitSchema, sealSchema } from '../federation/schemas.ts';
import { readJson } from '../storage/documents.ts';
import { closeRound } from './close-round.ts';
import { answer, type OpenRound, openRoundOf, ROUND } from './testing.ts';

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
      'a hundred thousand unknown fields',
      JSON.stringify(Object.fromEntries(Array.from({ length: 1e5 }, (_, i) => [`x${i}`, 1]))),
      /./,
    ],
    ['bytes that are not UTF-8', Buffer.alloc(9, 0xff), /not JSON/],
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
