import { expect, test } from 'vitest';
import { z } from 'zod';
import { collect } from '../async.ts';
import { federationKeys } from '../federation/keys.ts';
import type { FederationStore } from './contract.ts';
import { readJson } from './documents.ts';
import { createListedReader } from './listed-reads.ts';
import { createMemoryStorage } from './testing-objects.ts';

const PREFIX = federationKeys.campaignPrefix('tavi');
const PLAN = federationKeys.plan('tavi');
const OUTCOME = federationKeys.outcome('tavi');

test('reads again only what is new or has changed since the last listing', async () => {
  const store: FederationStore = createMemoryStorage()('heart');
  const reads: string[] = [];
  const reader = createListedReader({
    ...store,
    tryGet: (key) => {
      reads.push(key);
      return store.tryGet(key);
    },
  });
  const look = async () => {
    await collect(reader.list(PREFIX));
    const [plan, outcome] = [await reader.tryGet(PLAN), await reader.tryGet(OUTCOME)];
    return [plan, outcome].map((object) => object && new TextDecoder().decode(object.body));
  };

  await store.put(PLAN, 'a');
  expect(await look()).toEqual(['a', undefined]);
  expect(await look()).toEqual(['a', undefined]);
  expect(reads).toEqual([PLAN]);
  await store.put(PLAN, 'b');
  await store.put(OUTCOME, 'c');
  expect(await look()).toEqual(['b', 'c']);
  expect(reads).toEqual([PLAN, PLAN, OUTCOME]);
});

test('reads what is outside the prefix, and everything before a listing, from the store', async () => {
  const store: FederationStore = createMemoryStorage()('heart');
  await store.put(PLAN, 'a');
  await store.put(federationKeys.tasks, 't');
  const reader = createListedReader(store);

  expect(await reader.tryGet(PLAN)).toBeDefined();
  await collect(reader.list(PREFIX));
  expect(await reader.tryGet(federationKeys.tasks)).toBeDefined();
});

test('parses a document once for each schema, and again when it has changed', async () => {
  const store: FederationStore = createMemoryStorage()('heart');
  const reader = createListedReader(store);
  let parsed = 0;
  const counted = z.unknown().transform((value) => {
    parsed++;
    return value;
  });
  const look = async () => {
    await collect(reader.list(PREFIX));
    return (await readJson(reader, PLAN, counted)).value;
  };

  await store.put(PLAN, '"a"');
  expect([await look(), await look()]).toEqual(['a', 'a']);
  expect(parsed).toBe(1);
  expect((await readJson(reader, PLAN, z.string())).value).toBe('a');
  await store.put(PLAN, '"b"');
  expect(await look()).toBe('b');
  expect(parsed).toBe(2);
});
