import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { loadBackend } from './backend.ts';
import { type SlidingWindowOptions, slidingWindow, windowCount, windowStarts } from './sliding-window.ts';
import { difference, numbers } from './testing.ts';
import { tf } from './tf.ts';

beforeAll(async () => {
  await loadBackend();
});

const image = (z: number, y: number, x: number) => tf.tensor5d(numbers('image', [z, y, x]), [1, z, y, x, 1]);
/** Two heads that see every voxel alone: the result does not depend on the windows. */
const pointwisePredict = (x: tf.Tensor5D) =>
  new Map([
    ['square', tf.square(x)],
    ['pair', tf.concat([x, tf.neg(x)], 4) as tf.Tensor5D],
  ]);

/** The maps of all heads, put together from their planes, which must come in order. */
function mapsOf<K>(
  predict: (window: tf.Tensor5D) => ReadonlyMap<K, tf.Tensor5D>,
  x: tf.Tensor5D,
  options: SlidingWindowOptions,
): ReadonlyMap<K, tf.Tensor5D> {
  const [, nz, ny, nx] = x.shape;
  const planes = new Map<K, Float32Array[]>();
  const volume = { data: x.dataSync() as Float32Array, shape: [nz, ny, nx] as const };
  for (const { z, heads } of slidingWindow(predict, volume, options)) {
    for (const [head, values] of heads) {
      const before = planes.get(head) ?? [];
      expect(z).toBe(before.length);
      planes.set(head, [...before, values]);
    }
  }
  return new Map(
    [...planes].map(([head, all]) => [
      head,
      tf.tensor5d(
        all.flatMap((values) => [...values]),
        [1, all.length, ny, nx, all[0]!.length / (ny * nx)],
      ),
    ]),
  );
}

test('a voxel-wise prediction does not depend on the windows', () => {
  const sides = fc.tuple(
    fc.integer({ min: 2, max: 9 }),
    fc.integer({ min: 2, max: 9 }),
    fc.integer({ min: 2, max: 9 }),
  );
  fc.assert(
    fc.property(sides, sides, fc.constantFrom(0, 0.5, 0.75), (size, patch, overlap) => {
      tf.tidy(() => {
        const x = image(...size);
        const found = mapsOf(pointwisePredict, x, { patch, overlap });
        const whole = pointwisePredict(x);
        for (const head of ['square', 'pair']) {
          expect(found.get(head)!.shape).toEqual(whole.get(head)!.shape);
          expect(difference(found.get(head)!.dataSync(), whole.get(head)!.dataSync())).toBeLessThan(1e-6);
        }
      });
    }),
    { numRuns: 25 },
  );
});

test('windows are averaged by their Gaussian weights', () => {
  tf.tidy(() => {
    // Each window predicts its own number. Between two windows of 4 at 0 and 2 the nearer one weighs more.
    let window = 0;
    const patch = [4, 4, 4] as const;
    const found = mapsOf((x) => new Map([['n', tf.fill(x.shape, window++) as tf.Tensor5D]]), image(4, 4, 6), {
      patch,
    });
    const row = Array.from(found.get('n')!.dataSync().subarray(0, 6));
    const weight = (i: number) => Math.exp(-0.5 * ((i - 1.5) / 0.5) ** 2);
    const expected = [0, 0, weight(0) / (weight(0) + weight(2)), weight(1) / (weight(1) + weight(3)), 1, 1];
    expect(window).toBe(2);
    expect(difference(row, expected)).toBeLessThan(1e-6);
  });
});

test("a volume of the window's size is predicted once, a smaller one is padded around its centre", () => {
  tf.tidy(() => {
    const seen: number[][] = [];
    const found = mapsOf(
      (x) => {
        seen.push(Array.from(x.dataSync()));
        return new Map([['same', x]]);
      },
      tf.fill([1, 1, 1, 2, 1], 5) as tf.Tensor5D,
      { patch: [1, 1, 4], fill: -3 },
    );
    expect(seen).toEqual([[-3, 5, 5, -3]]);
    expect(Array.from(found.get('same')!.dataSync())).toEqual([5, 5]);
  });
});

test('windows cover an axis from end to end with the requested overlap', () => {
  expect(windowStarts(96, 96, 0.5)).toEqual([0]);
  expect(windowStarts(100, 96, 0.5)).toEqual([0, 4]);
  expect(windowStarts(160, 64, 0.5)).toEqual([0, 32, 64, 96]);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 64 }),
      fc.integer({ min: 0, max: 200 }),
      fc.double({ min: 0, max: 0.9, noNaN: true }),
      (patch, more, overlap) => {
        const starts = windowStarts(patch + more, patch, overlap);
        expect(starts[0]).toBe(0);
        expect(starts.at(-1)).toBe(more);
        const gaps = starts.slice(1).map((start, i) => start - starts[i]!);
        expect(Math.max(1, ...gaps)).toBeLessThanOrEqual(Math.ceil(Math.max(1, patch * (1 - overlap))));
      },
    ),
  );
});

test('no tensor leaks, and each window is told', () => {
  const x = image(6, 6, 6);
  const before = tf.memory().numTensors;
  const told: string[] = [];
  const found = mapsOf(pointwisePredict, x, {
    patch: [4, 4, 6],
    onWindow: (done, total) => told.push(`${done}/${total}`),
  });
  expect(tf.memory().numTensors).toBe(before + found.size);
  expect(told).toEqual(['1/4', '2/4', '3/4', '4/4']);
  expect([0, 0.5, 0.75].map((overlap) => windowCount([6, 6, 6], [4, 4, 6], overlap))).toEqual([4, 4, 9]);
  tf.dispose([...found.values(), x]);
});
