import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { type BodyHash, createHashThread } from './hash-thread.ts';

const BLOCK = 1000;

async function hashOf(body: Uint8Array, hash: BodyHash): Promise<readonly string[]> {
  for (let at = 0; at < body.length; at += BLOCK) {
    const piece = body.subarray(at, at + BLOCK);
    hash.block.set(piece);
    await hash.update(piece.length);
  }
  const digests = await hash.digests();
  hash.release();
  return digests.map((digest) => digest.toString('hex'));
}

test('hashes several bodies at a time, and one after another in the same block', async () => {
  const thread = createHashThread(BLOCK);
  const bodies = [0, 1, BLOCK, 3 * BLOCK + 7, 5 * BLOCK].map((bytes) => randomBytes(bytes));
  const expected = (body: Uint8Array) => ['md5', 'sha256'].map((name) => createHash(name).update(body).digest('hex'));

  const first = await Promise.all(bodies.map((body) => hashOf(body, thread.open(['md5', 'sha256']))));
  const given = thread.open(['md5']);
  given.block.fill(1);
  void given.update(BLOCK);
  given.release();
  const second = await Promise.all(bodies.map((body) => hashOf(body, thread.open(['md5', 'sha256']))));

  expect(first).toEqual(bodies.map(expected));
  expect(second).toEqual(bodies.map(expected));
  expect(new Set(bodies.map(() => thread.open(['md5']).block)).size).toBe(bodies.length);
  thread.close();
});

test('fails the bodies of a thread that has ended, and hashes the next ones in another', async () => {
  const thread = createHashThread(BLOCK);
  const body = randomBytes(BLOCK);
  const old = thread.open(['md5']);
  await old.update(1);
  thread.close();

  await expect
    .poll(() =>
      old.update(1).then(
        () => 'hashed',
        () => 'failed',
      ),
    )
    .toBe('failed');
  expect(await hashOf(body, thread.open(['md5']))).toEqual([createHash('md5').update(body).digest('hex')]);
  await expect(old.digests()).rejects.toThrow('has ended');
  thread.close();
});
