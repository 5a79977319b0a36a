import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeNifti } from '../imaging/nifti-write.ts';
import { reorient } from '../imaging/reorient.ts';
import { isotropicGrid, resample } from '../imaging/resample.ts';
import type { Volume } from '../imaging/volume.ts';
import { generatePhantom } from '../phantom/phantom.ts';
import { scannerOf } from '../phantom/scanner.ts';
import { createPairFinder, isSameScan } from './same-scan.ts';
import { decodeSketch } from './sketch.ts';
import { testSite } from './testing.ts';
import { centred, part, sketchOf, suspectedPairs } from './testing-scans.ts';

const phantom = (seed: number, site = seed) => generatePhantom({ seed, scanner: scannerOf(site % 8, site) }).image;
const isSuspected = (a: Volume, b: Volume) => suspectedPairs([a], [b]).length > 0;

describe('one scan', () => {
  const ct = phantom(1);

  test.each([1, 0.9, 0.7, 0.5])('is suspected in a crop to %s of it, along any axis', (share) => {
    for (const axis of [0, 1, 2] as const) expect(isSuspected(ct, part(ct, share, axis)), `axis ${axis}`).toBe(true);
  });

  test.each([2, 3, 4])('is suspected after resampling to %s mm in another orientation', (mm) => {
    const again = reorient(resample(ct, isotropicGrid(ct, mm), 'linear', -1000), 'PIR');
    expect(isSuspected(ct, again)).toBe(true);
  });

  test('has one sketch for pieces of any size', () => {
    expect(sketchOf(ct, 1_013)).toBe(sketchOf(ct));
    expect(decodeSketch(sketchOf(ct)).length).toBeGreaterThan(80);
  });
});

test('no two of 16 phantoms are suspected, even if they lie at the same place', () => {
  const phantoms = Array.from({ length: 16 }, (_, i) => phantom(i + 1));
  for (const volumes of [phantoms, phantoms.map(centred)]) {
    expect(suspectedPairs(volumes, volumes)).toEqual(volumes.map((_, i) => [i, i]));
  }
});

/** Sketches of a few scans, some with other HU in a part of their nodes. */
const anySketch = fc.record({ scan: fc.nat(3), changed: fc.constantFrom(0, 4, 15) }).map(({ scan, changed }) => {
  const nodes = Array.from({ length: 20 }, (_, i) => [i, scan, i % 3, 10 * i + (i < changed ? 300 : scan)]);
  return Buffer.from(Int16Array.from(nodes.flat()).buffer).toString('base64');
});
const anyCases = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  fc.record({
    use: fc.constantFrom('training', 'evaluation'),
    sketch: fc.option(anySketch, { nil: undefined, freq: 9 }),
  }),
);

test('pairs among cases that come, change and go are those of a comparison of all', () => {
  let pairs = 0;
  fc.assert(
    fc.property(fc.array(anyCases, { maxLength: 8 }), (states) => {
      const finder = createPairFinder();
      for (const state of states) {
        const cases = Object.entries(state).map(([id, one]) => ({ case: id, ...one }));
        const of = (use: string) =>
          cases
            .filter((one) => one.use === use && one.sketch)
            .map((one) => ({ id: one.case, nodes: decodeSketch(one.sketch as string) }))
            .sort((a, b) => (a.id < b.id ? -1 : 1));
        const expected = of('training').flatMap((a) =>
          of('evaluation').flatMap((b) => (isSameScan(a.nodes, b.nodes) ? [{ training: a.id, heldOut: b.id }] : [])),
        );

        expect(finder.find(cases)).toEqual(expected);
        pairs += expected.length;
      }
    }),
  );
  expect(pairs).toBeGreaterThan(100);
});

test('a suspected pair is cataloged, and only counted outside the site', async () => {
  const { put, reconcile, catalog, summarize, summary } = testSite();
  const ct = phantom(3) as Volume<Int16Array>;
  await put('cases/a/image.nii.gz', writeNifti(ct));
  await put('cases/c/image.nii.gz', writeNifti(phantom(4)));
  await put('held-out/b/image.nii.gz', writeNifti(part(ct, 0.8, 2)));
  await put('held-out/smoke-test-1/image.nii.gz', writeNifti(part(ct, 0.9, 1)));
  for (const id of ['a', 'b', 'c', 'smoke-test-1']) await reconcile(id);

  const { pairs } = await summarize();

  expect(await catalog('b')).toBeDefined();
  expect(pairs).toEqual([{ training: 'a', heldOut: 'b' }]);
  expect((await summary()).cases).toEqual({ training: 2, evaluation: 1, rejected: 0, suspected: 1 });
  expect(JSON.stringify(await summary())).not.toContain('sketch');
});
