import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createJson } from './documents.ts';
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
