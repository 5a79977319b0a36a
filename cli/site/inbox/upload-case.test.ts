import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CaseUse } from '../../../lib/federation/keys.ts';
import { calcium, image, testSite } from '../../../lib/intake/testing.ts';
import type { SiteStore } from '../../../lib/storage/contract.ts';
import type { DatasetCase } from '../../datasets/dataset.ts';
import { uploadCase } from './upload-case.ts';

const { signal } = new AbortController();
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fedcardio-upload-case-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function caseOf(files: Readonly<Record<string, string | Uint8Array>>, use: CaseUse = 'training'): DatasetCase {
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), bytes);
  }
  return { id: 'p1', use, files: Object.keys(files).map((name) => ({ name, path: join(dir, name) })) };
}

/** A site's bucket with objects, and its keys. */
async function bucketWith(objects: Readonly<Record<string, string | Uint8Array>>) {
  const site = testSite();
  for (const [key, body] of Object.entries(objects)) await site.put(key, body);
  return site;
}
const withLabels = (folder: string, name = 'image.nii.gz', bytes: Uint8Array = image(1)) => ({
  [`${folder}/p1/${name}`]: bytes,
  [`${folder}/p1/labels/calcification.nii.gz`]: calcium(),
});

test.each([
  ['cases', 'evaluation', 'for training', 'training'],
  ['held-out', 'training', 'as held out', 'held-out'],
] as const)('does not move a case that is stored below %s', async (there, use, what, side) => {
  const { store, catalog, reconcile } = await bucketWith(withLabels(there));
  await reconcile('p1');
  const before = await catalog('p1');

  const outcome = await uploadCase(store, caseOf({ 'image.nii.gz': image(1) }, use), signal);

  expect(outcome).toEqual({ reason: expect.stringContaining(`Case p1: The case is uploaded ${what} already.`) });
  expect(outcome).toEqual({ reason: expect.stringContaining(`site withdraw with --use ${side}`) });
  await reconcile('p1');
  expect({ ...(await catalog('p1')), at: undefined }).toEqual({ ...before, at: undefined });
});

test.each([
  ['image.nii', 'image.nii.gz'],
  ['image.nii.gz', 'image.nii'],
])('adds no other CT beside %s, with labels or without', async (stored, delivered) => {
  const bytesOf = (name: string, seed: number) => (name.endsWith('.gz') ? image(seed) : gunzipSync(image(seed)));
  const one = caseOf({ [delivered]: bytesOf(delivered, 2) });
  const labelled = withLabels('cases', stored, bytesOf(stored, 1));
  const bare = { [`cases/p1/${stored}`]: bytesOf(stored, 1) };

  for (const objects of [labelled, bare]) {
    const { store } = await bucketWith(objects);

    const outcome = await uploadCase(store, one, signal);

    expect(outcome).toEqual({ reason: expect.stringContaining(`holds its CT as ${stored}`) });
    expect(await store.head(`cases/p1/${delivered}` as never)).toBeUndefined();
  }
});

test('adds labels to a stored CT, and replaces a CT without labels', async () => {
  const { store, put } = await bucketWith({ 'cases/p1/image.nii.gz': image(1) });
  const files = { 'image.nii.gz': image(1), 'labels/calcification.nii.gz': calcium() };

  const outcomes = [
    await uploadCase(store, caseOf({ 'image.nii.gz': image(2) }), signal),
    await uploadCase(store, caseOf({ 'image.nii.gz': image(1) }), signal),
    await uploadCase(store, caseOf(files), signal),
    await uploadCase(store, caseOf(files), signal),
  ];

  expect(outcomes).toEqual(['imported', 'imported', 'imported', 'there already']);
  await put('cases/p1/image.nii.gz', image(3));
  expect(await uploadCase(store, caseOf(files), signal)).toEqual({
    reason: expect.stringContaining('which has labels'),
  });
});

test('compares files of several parts to their last byte', async () => {
  const bytes = new Uint8Array(40 * 2 ** 20).fill(7);
  const { store } = await bucketWith({ 'cases/p1/image.nii': bytes });

  const same = await uploadCase(store, caseOf({ 'image.nii': bytes }), signal);
  bytes[bytes.length - 1] = 8;
  const other = await uploadCase(store, caseOf({ 'image.nii': bytes }), signal);

  expect([same, other]).toEqual(['there already', 'imported']);
});

test('stores a CT of more than 2 GiB, which cannot be read whole', async () => {
  const one = caseOf({ 'image.nii': '' });
  truncateSync(join(dir, 'image.nii'), 352 + 2 ** 31);
  const sizes: number[] = [];
  const store: SiteStore = {
    ...(await bucketWith({})).store,
    putParts: async (_key, parts) => {
      // All 2 GiB would take seconds.
      for await (const { length } of parts) if (sizes.push(length) === 2) break;
      return { etag: '""' };
    },
  };

  const outcome = await uploadCase(store, one, signal);

  expect(outcome).toBe('imported');
  expect(Math.max(...sizes)).toBeLessThan(2 ** 25);
});
