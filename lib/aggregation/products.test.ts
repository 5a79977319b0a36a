import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createKernels } from './kernels.ts';
import { createProducts, squaredDistances } from './products.ts';

/** Small integers, whose float64 sums are exact. */
const rows = fc.integer({ min: 1, max: 30 }).chain((size) => {
  const row = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: size, maxLength: size });
  return fc.record({ base: row, updates: fc.array(row, { minLength: 1, maxLength: 5 }) });
});

function productsOf(updates: readonly (readonly number[])[], base: readonly number[] | undefined) {
  const kernels = createKernels();
  const stored = (values: readonly number[]) => {
    const array = kernels.float32(values.length);
    array.set(values);
    return array;
  };
  const products = createProducts(updates.length, kernels);
  // Two slices; the first consists of whole groups.
  const cut = 4 * Math.floor((updates[0]?.length ?? 0) / 8);
  for (const [start, end] of [
    [0, cut],
    [cut, undefined],
  ] as const) {
    products.add(
      updates.map((update) => stored(update.slice(start, end))),
      base && stored(base.slice(start, end)),
    );
  }
  return products;
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
const minus = (a: readonly number[], b: readonly number[]) => a.map((x, i) => x - (b[i] as number));

describe('products', () => {
  test('are the inner products of the differences from the base', () => {
    fc.assert(
      fc.property(rows, fc.boolean(), ({ base, updates }, hasBase) => {
        const products = productsOf(updates, hasBase ? base : undefined);
        const differences = updates.map((update) => (hasBase ? minus(update, base) : update));
        for (const [i, a] of differences.entries()) {
          for (const [j, b] of differences.entries()) expect(products.dot(i, j)).toBe(dot(a, b));
        }
      }),
    );
  });

  test('give the squared distances between the updates', () => {
    fc.assert(
      fc.property(rows, ({ base, updates }) => {
        const distances = squaredDistances(
          productsOf(updates, base),
          updates.map(() => 1),
        );
        expect(distances).toEqual(updates.map((a) => updates.map((b) => dot(minus(a, b), minus(a, b)))));
      }),
    );
  });

  test('give the distances between clipped updates', () => {
    const products = productsOf(
      [
        [3, 4],
        [0, 0],
        [0, -8],
      ],
      [0, 0],
    );
    // (2.4, 3.2), (0, 0), (0, -4)
    expect(squaredDistances(products, [0.8, 1, 0.5])[0]?.map((value) => value.toFixed(9))).toEqual(
      [0, 16, 57.6].map((value) => value.toFixed(9)),
    );
  });
});
