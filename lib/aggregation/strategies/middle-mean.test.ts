import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createKernels } from '../kernels.ts';
import { middleMean, sortingNetwork } from './middle-mean.ts';
import { trimmedMean } from './trimmed-mean.ts';

describe('sortingNetwork', () => {
  test.each(Array.from({ length: 12 }, (_, i) => i + 1))('sorts %i rows', (rows) => {
    // A network that sorts all sequences of zeros and ones sorts everything (Knuth, vol. 3, 5.3.4, theorem Z).
    const network = sortingNetwork(rows);
    for (let bits = 0; bits < 2 ** rows; bits++) {
      const values = Array.from({ length: rows }, (_, row) => (bits >> row) & 1);
      for (const [low, high] of network) {
        const [a, b] = [values[low] as number, values[high] as number];
        [values[low], values[high]] = [Math.min(a, b), Math.max(a, b)];
      }
      expect(values).toEqual(values.toSorted());
    }
  });

  test('has 191 comparisons for 32 rows (Batcher 1968)', () => {
    expect(sortingNetwork(32).length).toBe(191);
  });
});

describe('trimmedMean', () => {
  test('leaves out at least minTrimmed values at either end, and leaves one over', () => {
    const dropped = (minTrimmed: number) => {
      const { tolerates } = trimmedMean({ strategy: 'trimmed-mean', trim: 0.1, minTrimmed } as never);
      return [1, 2, 3, 4, 5, 8, 20].map(tolerates);
    };

    expect(dropped(0)).toEqual([0, 0, 0, 0, 0, 0, 2]);
    expect(dropped(1)).toEqual([0, 0, 1, 1, 1, 1, 2]);
    expect(dropped(3)).toEqual([0, 0, 1, 1, 2, 3, 3]);
  });
});

describe('middleMean', () => {
  test('is the mean without the extremes', () => {
    const column = fc.array(fc.float({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(column, fc.double({ min: 0, max: 0.499, noNaN: true }), (values, share) => {
        const dropped = Math.floor(share * values.length);
        const kernels = createKernels();
        const reducer = middleMean(() => dropped).createReducer(values.length + 2, 1, kernels);
        for (const value of values) reducer.add(kernels.float32(1).fill(value), 1);
        const merged = kernels.float32(1);
        reducer.finish(merged);

        const middle = values.toSorted((a, b) => a - b).slice(dropped, values.length - dropped);
        const sum = middle.reduce((total, value) => total + value, 0);
        // Adding 0 turns −0 into 0: the sign of a zero sum depends on the order of summation.
        expect((merged[0] as number) + 0).toBe(Math.fround(sum / middle.length) + 0);
      }),
    );
  });
});
