import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { federationKeys } from '../federation/keys.ts';
import { enforceAccess } from './access-view.ts';
import type { FederationStore } from './contract.ts';
import { createJson, readJson, tryReadJson, writeDocument } from './documents.ts';
import { createListedReader } from './listed-reads.ts';
import { waitingStore } from './outages.ts';
import { createMemoryStorage } from './testing-objects.ts';

const schema = z.strictObject({ figures: z.record(z.string(), z.number()), count: z.int() });

describe('createJson', () => {
  test.each<[string, object]>([
    ['NaN, which JSON stores as null', { figures: { loss: Number.NaN }, count: 1 }],
    ['infinity, which JSON stores as null', { figures: { loss: Number.POSITIVE_INFINITY }, count: 1 }],
    ['an integer that is not exact', { figures: {}, count: 2 ** 53 }],
    ['an unknown field', { figures: {}, count: 1, more: 1 }],
    ['a missing field', { figures: {} }],
  ])('writes nothing that its schema refuses to read: %s', async (_, value) => {
    const store = createMemoryStorage()('b');

    const created = createJson(store, 'commit.json', schema, value as z.infer<typeof schema>);

    await expect(created).rejects.toMatchObject({ code: 'BAD_MESSAGE' });
    expect(await store.head('commit.json')).toBeUndefined();
  });

  test('returns what was created first', async () => {
    const store = createMemoryStorage()('b');

    const first = await createJson(store, 'commit.json', schema, { figures: {}, count: 1 });
    const second = await createJson(store, 'commit.json', schema, { figures: {}, count: 2 });

    expect(first).toMatchObject({ created: true, value: { count: 1 } });
    expect(second).toMatchObject({ created: false, value: { count: 1 }, sha256: first.sha256 });
  });
});

describe('readJson', () => {
  test('reads nothing above 16 MiB', async () => {
    const store = createMemoryStorage()('b');
    await store.put('long.json', Buffer.alloc(16 * 1024 * 1024 + 1, ' '));

    await expect(readJson(store, 'long.json', schema)).rejects.toMatchObject({ code: 'BAD_MESSAGE' });
  });

  const wrappers: readonly [string, (store: FederationStore) => Pick<FederationStore, 'bucket' | 'tryGet'>][] = [
    ['a listed reader', createListedReader],
    ['a store that waits for outages', (store) => waitingStore(store, (run) => run())],
    ['a role', (store) => enforceAccess(store, { read: ['*'], list: 'everything' })],
  ];

  test.each(wrappers)('reads nothing above 16 MiB through %s', async (_, wrap) => {
    const limits: unknown[] = [];
    const store: FederationStore = createMemoryStorage()('b');
    const tryGet: FederationStore['tryGet'] = async (_key, limit) => {
      limits.push(limit);
      return undefined;
    };

    await tryReadJson(wrap({ ...store, tryGet }), federationKeys.control('c'), schema);

    expect(limits).toEqual([16 * 1024 * 1024]);
  });
});

describe('writeDocument', () => {
  test('writes nothing that its schema refuses to read', async () => {
    const store = createMemoryStorage()('b');

    const written = writeDocument(store, 'control.json', schema, { figures: { loss: Number.NaN }, count: 1 });

    await expect(written).rejects.toMatchObject({ code: 'BAD_MESSAGE' });
    expect(await store.head('control.json')).toBeUndefined();
  });

  test('writes nothing above 16 MiB', async () => {
    const store = createMemoryStorage()('b');
    const text = z.strictObject({ text: z.string() });

    const written = writeDocument(store, 'long.json', text, { text: 'ä'.repeat(8 * 1024 * 1024) });

    await expect(written).rejects.toThrow(/^long\.json has 16777227 bytes, 16777216 are allowed\.$/);
    expect(await store.head('long.json')).toBeUndefined();
  });

  test('replaces the version that it is given, and no other', async () => {
    const store = createMemoryStorage()('b');
    const { etag } = await writeDocument(store, 'control.json', schema, { figures: {}, count: 1 });

    await writeDocument(store, 'control.json', schema, { figures: {}, count: 2 }, { ifMatch: etag });
    const late = writeDocument(store, 'control.json', schema, { figures: {}, count: 3 }, { ifMatch: etag });

    await expect(late).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
    expect((await readJson(store, 'control.json', schema)).value.count).toBe(2);
  });
});
