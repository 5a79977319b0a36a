import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Segment } from './layout.ts';
import { slicesOf, tensorAt } from './slices.ts';

const segment = fc
  .array(fc.nat(9), { minLength: 1, maxLength: 6 })
  .map((sizes): Segment => {
    let elements = 0;
    const tensors = sizes.map((size, i) => {
      const tensor = { name: `t${i}`, start: elements };
      elements += size;
      return tensor;
    });
    return { kind: 'float', tensors, elements };
  })
  .filter(({ elements }) => elements > 0);

describe('slices', () => {
  test('cover every value once, in order, within the size limit', () => {
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 3 }), fc.integer({ min: 1, max: 20 }), (segments, elements) => {
        const slices = slicesOf(segments, elements);
        for (const { start, end } of slices) {
          expect(end - start).toBeGreaterThan(0);
          expect(end - start).toBeLessThanOrEqual(elements);
        }
        const covered = segments.map((own) => slices.filter((slice) => slice.segment === own));
        expect(covered.flat()).toEqual(slices);
        for (const [i, own] of covered.entries()) {
          expect(own.map(({ start }) => start)).toEqual([0, ...own.slice(0, -1).map(({ end }) => end)]);
          expect(own.at(-1)?.end).toBe(segments[i]?.elements);
        }
      }),
    );
  });

  test('find the tensor of each value, never an empty tensor', () => {
    fc.assert(
      fc.property(segment, fc.integer({ min: 1, max: 20 }), (own, elements) => {
        const { tensors } = own;
        const sizes = tensors.map(({ start }, i) => (tensors[i + 1]?.start ?? own.elements) - start);
        const expected = tensors.flatMap(({ name }, i) => new Array<string>(sizes[i] as number).fill(name));
        const actual = slicesOf([own], elements).flatMap((slice) =>
          Array.from({ length: slice.end - slice.start }, (_, index) => tensorAt(slice, index)),
        );
        expect(actual).toEqual(expected);
      }),
    );
  });
});
