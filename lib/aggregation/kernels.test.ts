import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeHalf } from '../weights/half-floats.ts';
import { createKernels, type Kernels } from './kernels.ts';
import { SOURCE_SHA256 } from './kernels-wasm.ts';

/** Finite float32 values, in arrays whose length is or is not a multiple of a group's four values. */
const values = fc.float32Array({ minLength: 1, maxLength: 13, noNaN: true, noDefaultInfinity: true });
const factor = fc.double({ min: -1e6, max: 1e6, noNaN: true });

function stored(kernels: Kernels, array: Float32Array): Float32Array {
  const copy = kernels.float32(array.length);
  copy.set(array);
  return copy;
}

/** A second array of the same length: the values rotated by one. */
const another = (array: Float32Array) => array.map((_, i) => array[(i + 1) % array.length] as number);

describe('kernels', () => {
  test('are compiled from kernels.wat', () => {
    const source = readFileSync(new URL('kernels.wat', import.meta.url));
    expect(createHash('sha256').update(source).digest('hex')).toBe(SOURCE_SHA256);
  });

  test('find a value that is not finite at any index, and ignore values after the end', () => {
    fc.assert(
      fc.property(values, fc.nat(), fc.constantFrom(Number.NaN, Infinity, -Infinity), (array, at, bad) => {
        const kernels = createKernels();
        const good = stored(kernels, array);
        stored(kernels, Float32Array.of(Number.NaN));
        expect(kernels.finite(good)).toBe(true);
        good[at % good.length] = bad;
        expect(kernels.finite(good)).toBe(false);
        expect(kernels.finite(good.subarray(0, 0))).toBe(true);
      }),
    );
  });

  test('find a value of a larger magnitude, as a loop does', () => {
    fc.assert(
      fc.property(values, fc.nat(), fc.float({ min: 0, noNaN: true }), (array, at, given) => {
        const kernels = createKernels();
        const all = stored(kernels, array);
        const largest = at % 2 === 0 ? Math.abs(array[at % array.length] as number) : given;
        const expected = all.every((value) => Math.abs(value) <= largest);
        expect(kernels.finite(all, largest)).toBe(expected);
      }),
    );
  });

  test('sum scaled float32 in float64, and round the quotient once', () => {
    fc.assert(
      fc.property(values, factor, fc.integer({ min: 1, max: 1e6 }), (array, scale, divisor) => {
        const kernels = createKernels();
        const [a, b] = [stored(kernels, array), stored(kernels, another(array))];
        const sums = kernels.float64(array.length);
        const merged = kernels.float32(array.length);

        kernels.assignScaled(a, scale, sums);
        kernels.addScaled(b, divisor, sums);
        kernels.roundQuotient(sums, divisor, merged);

        const expected = Float64Array.from(array, (x, i) => scale * x + divisor * (b[i] as number));
        expect(sums.slice()).toEqual(expected);
        expect(merged.slice()).toEqual(Float32Array.from(expected, (sum) => sum / divisor));
      }),
    );
  });

  test('sort two arrays element by element', () => {
    fc.assert(
      fc.property(values, (array) => {
        const kernels = createKernels();
        const [low, high] = [stored(kernels, array), stored(kernels, another(array))];

        kernels.sortPairs(low, high);

        expect(low.slice()).toEqual(array.map((x, i) => Math.min(x, another(array)[i] as number)));
        expect(high.slice()).toEqual(array.map((x, i) => Math.max(x, another(array)[i] as number)));
      }),
    );
  });

  test('restore weights from differences, and scale differences', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean(), (array, scale, areDifferences) => {
        const kernels = createKernels();
        const [sent, base] = [stored(kernels, array), stored(kernels, another(array))];
        const restored = kernels.float32(array.length);

        kernels.restore(sent, base, scale, areDifferences, restored);

        const expected = array.map((x, i) => {
          const from = base[i] as number;
          return from + scale * (areDifferences ? x : x - from);
        });
        // Adding 0 turns −0 into 0: −0 − 0·base may be either.
        expect(restored.map((x) => x + 0)).toEqual(expected.map((x) => x + 0));
        expect(sent.slice()).toEqual(array);
      }),
    );
  });

  test.each(['F16', 'BF16'] as const)('decode all %s like the codec in lib/weights', (dtype) => {
    const kernels = createKernels();
    const halves = kernels.bytes(2 * 0x10000);
    halves.set(new Uint8Array(Uint16Array.from({ length: 0x10000 }, (_, bits) => bits).buffer));
    const decoded = kernels.float32(0x10000);
    const expected = new Float32Array(0x10000);

    kernels.decodeHalf(halves, dtype, decoded);
    decodeHalf(halves, dtype, expected);

    const differing = expected.findIndex((value, i) => !Object.is(value, decoded[i]));
    expect(differing).toBe(-1);
  });

  test('reuse memory after a reset', () => {
    const kernels = createKernels();
    const [first, second] = [kernels.float32(5), kernels.float32(5)];
    kernels.reset();
    expect(kernels.float32(3).byteOffset).toBe(first.byteOffset);
    expect(kernels.float32(3).byteOffset).toBeLessThan(second.byteOffset);
    expect(kernels.float32(3).byteOffset).toBe(second.byteOffset);
  });
});
