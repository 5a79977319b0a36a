import { describe, expect, test } from 'vitest';
import { numbers } from '../nn/testing.ts';
import { decodeSafetensors, encodeSafetensors } from '../weights/safetensors.ts';
import { parseSafetensorsHeader } from '../weights/safetensors-header.ts';
import { untrainedIn } from '../weights/untrained.ts';
import type { Weights } from '../weights/weights.ts';
import { encodeUpdate } from './encode-update.ts';

const weightsOf = (f: (value: number, i: number) => number): Weights =>
  new Map(
    ['a.weight', 'b.weight'].map((name) => {
      const data = Float32Array.from(numbers(name, [200])).map(f);
      return [name, { dtype: 'F32', shape: [10, 20], data }];
    }),
  );
const global = weightsOf((value) => value);
/** A round moves weights by about a hundredth. */
const trained = weightsOf((value, i) => value + 0.01 * Math.sin(i));

/** Largest difference between the trained weights and those that the coordinator gets, computed in float64. */
function lost(sent: Weights, from: Weights | undefined): number {
  const errors = [...trained].flatMap(([name, { data }]) =>
    [...data].map((value, i) => Math.abs((from?.get(name)?.data[i] ?? 0) + sent.get(name)!.data[i]! - value)),
  );
  return Math.max(...errors);
}

describe('an update', () => {
  test('is sent unchanged by default, in the same bytes as the model', () => {
    const { bytes, delta } = encodeUpdate(trained, global, { dtype: 'F32', delta: false });
    expect(delta).toBe(false);
    expect(bytes).toEqual(encodeSafetensors(trained));
  });

  // Half a rounding step of a value up to 0.52, or of a difference up to 0.01.
  test.each([
    ['F32', false, 0],
    ['F32', true, 2 ** -31],
    ['F16', false, 2 ** -12],
    ['F16', true, 2 ** -18],
    ['BF16', false, 2 ** -9],
    ['BF16', true, 2 ** -15],
  ] as const)('as %s, delta %s, arrives within %f', (dtype, delta, tolerance) => {
    const encoded = encodeUpdate(trained, global, { dtype, delta });
    expect(encoded.delta).toBe(delta);
    const error = lost(decodeSafetensors(encoded.bytes), delta ? global : undefined);
    expect(error).toBeLessThanOrEqual(tolerance);
    expect(error).toBeGreaterThanOrEqual(tolerance / 8);
  });

  test('lists the weights that the site had no label to train with', () => {
    const { bytes } = encodeUpdate(trained, global, { dtype: 'F16', delta: true }, ['b.weight']);
    expect(untrainedIn(parseSafetensorsHeader(bytes).metadata)).toEqual(new Set(['b.weight']));
  });

  test('is sent as whole weights if there is no global model yet', () => {
    const { bytes, delta } = encodeUpdate(trained, undefined, { dtype: 'F32', delta: true });
    expect(delta).toBe(false);
    expect(decodeSafetensors(bytes)).toEqual(trained);
  });

  test('is refused only if a value does not fit the type', () => {
    const large = weightsOf((value, i) => (i === 7 ? 70_000 : value));
    expect(() => encodeUpdate(large, undefined, { dtype: 'F16', delta: false })).toThrow(
      expect.objectContaining({ code: 'BAD_WEIGHTS', message: expect.stringMatching(/as F16: .*a\.weight.*70000/) }),
    );
    expect(() => encodeUpdate(large, global, { dtype: 'F16', delta: true })).toThrow(
      expect.objectContaining({ code: 'BAD_WEIGHTS' }),
    );
    expect(encodeUpdate(large, large, { dtype: 'F16', delta: true }).delta).toBe(true);
    expect(encodeUpdate(large, undefined, { dtype: 'BF16', delta: false }).delta).toBe(false);
  });
});
