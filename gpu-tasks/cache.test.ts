import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createCache } from './cache.ts';

/** A cache that records which keys were loaded. */
function recordedCache(maxBytes: number) {
  const cache = createCache(maxBytes);
  const loads: string[] = [];
  const get = (key: string, bytes: number) =>
    cache.get(key, async () => {
      loads.push(key);
      return { value: key.toUpperCase(), bytes };
    });
  return { get, loads };
}

describe('a cache', () => {
  test('loads a value once, and evicts the least recently used', async () => {
    const { get, loads } = recordedCache(10);
    await get('a', 4);
    await get('b', 4);
    expect(await get('a', 4)).toBe('A');
    await get('c', 4);
    await get('a', 4);
    await get('b', 4);
    expect(loads).toEqual(['a', 'b', 'c', 'b']);
  });

  test('keeps a value that is larger than the cache until the next load', async () => {
    const { get, loads } = recordedCache(10);
    await get('huge', 99);
    await get('huge', 99);
    await get('a', 1);
    await get('huge', 99);
    expect(loads).toEqual(['huge', 'a', 'huge']);
  });

  test('loads once for concurrent callers, and counts the bytes once', async () => {
    const { get, loads } = recordedCache(10);
    await Promise.all([get('a', 6), get('a', 6)]);
    await get('b', 4);
    await get('a', 6);
    await get('b', 4);
    expect(loads).toEqual(['a', 'b']);
  });

  test('does not keep a failed load', async () => {
    const { get, loads } = recordedCache(10);
    const cache = createCache(10);
    await expect(cache.get('a', () => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
    expect(await cache.get('a', async () => ({ value: 1, bytes: 1 }))).toBe(1);
    await get('a', 1);
    expect(loads).toEqual(['a']);
  });

  test('keeps exactly the most recent values that fit', async () => {
    const uses = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.integer({ min: 1, max: 8 })));
    await fc.assert(
      fc.asyncProperty(uses, async (sequence) => {
        const { get, loads } = recordedCache(10);
        const sizes = new Map<string, number>();
        let kept: string[] = [];
        for (const [key, size] of sequence) {
          if (!sizes.has(key)) sizes.set(key, size);
          const before = loads.length;
          await get(key, sizes.get(key)!);
          expect(loads.length - before).toBe(kept.includes(key) ? 0 : 1);
          kept = [...kept.filter((known) => known !== key), key];
          while (kept.reduce((sum, known) => sum + sizes.get(known)!, 0) > 10) kept.shift();
        }
      }),
    );
  });
});
