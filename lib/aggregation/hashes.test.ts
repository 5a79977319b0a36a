import { createHash, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { createHashes, createHashesInThread, type Hashes } from './hashes.ts';

const sha256 = (...parts: readonly Uint8Array[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

describe.each([
  ['in this thread', createHashes],
  ['in a worker thread', createHashesInThread],
])('Hashes %s', (_, create) => {
  let hashes: Hashes | undefined;
  afterEach(() => hashes?.close());

  test('hash several files at a time, in pieces', async () => {
    hashes = create();
    const [one, two, none] = [hashes.open(), hashes.open(), hashes.open()];
    const [a, b, c] = [randomBytes(10), randomBytes(100_000), randomBytes(7)];

    const added = [one.update(a), two.update(b), one.update(c), one.update(new Uint8Array())];

    expect(await one.digest()).toBe(sha256(a, c));
    expect(await two.digest()).toBe(sha256(b));
    expect(await none.digest()).toBe(sha256());
    await Promise.all(added);
  });

  test('read memory that is not shared before they return: it may be used again', async () => {
    hashes = create();
    const memory = new Uint8Array(1000).fill(1);
    const file = hashes.open();

    await file.update(memory);
    memory.fill(2);
    await file.update(memory.subarray(0, 10));

    expect(await file.digest()).toBe(sha256(Buffer.alloc(1000, 1), Buffer.alloc(10, 2)));
  });

  test('read shared memory only until the promise resolves', async () => {
    hashes = create();
    const memory = new Uint8Array(new SharedArrayBuffer(1 << 20)).fill(1);
    const file = hashes.open();

    await file.update(memory.subarray(5));
    memory.fill(2);
    await file.update(memory.subarray(0, 3));

    expect(await file.digest()).toBe(sha256(Buffer.alloc((1 << 20) - 5, 1), Buffer.alloc(3, 2)));
  });
});
