import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeHalf, encodeHalf } from './half-floats.ts';
import { parseSafetensorsHeader } from './safetensors-header.ts';

const fixture = (name: string): Uint8Array =>
  readFileSync(new URL(`../../test/fixtures/weights/${name}`, import.meta.url));

const ALL = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
const bytesOf = ({ buffer, byteOffset, byteLength }: Uint16Array) => new Uint8Array(buffer, byteOffset, byteLength);

/** The bits of float32 values. All NaNs have the same bits, because their payload does not matter. */
const bitsOf = (values: Float32Array): Uint32Array =>
  new Uint32Array(values.slice().buffer).map((bits) => ((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : bits));

/** The raw half floats of a tensor in a fixture. */
function halvesOf(file: Uint8Array, name: string): Uint16Array {
  const { tensors, dataStart } = parseSafetensorsHeader(file);
  const { begin, end } = tensors.get(name) as { begin: number; end: number };
  return new Uint16Array(Uint8Array.from(file.subarray(dataStart + begin, dataStart + end)).buffer);
}

describe.each(['F16', 'BF16'] as const)('%s', (dtype) => {
  test('decodes all 65,536 values as numpy and PyTorch do', () => {
    const expected: readonly string[] = JSON.parse(Buffer.from(fixture('half-values.json')).toString())[dtype];
    const values = new Float32Array(ALL.length);

    decodeHalf(bytesOf(ALL), dtype, values);

    const blocks = expected.map((_, block) => bitsOf(values.subarray(1024 * block, 1024 * (block + 1))));
    expect(blocks.map((bits) => createHash('sha256').update(bits).digest('hex'))).toEqual(expected);
  });

  test('decodes bytes at any offset', () => {
    const [aligned, shifted] = [new Float32Array(3), new Float32Array(3)];
    const bytes = Uint8Array.of(0, 1, 2, 3, 4, 5, 6);

    decodeHalf(bytes.slice(1), dtype, aligned);
    decodeHalf(bytes.subarray(1), dtype, shifted);

    expect(shifted).toEqual(aligned);
  });

  test('encodes as PyTorch does: to nearest, ties to even, to infinity beyond the range', () => {
    const file = fixture('half-rounding.safetensors');
    const values = new Float32Array(halvesOf(file, 'values').buffer);

    expect(encodeHalf(values, dtype)).toEqual(halvesOf(file, dtype));
  });

  test('keeps every half float, except for the payload of NaN', () => {
    const values = new Float32Array(ALL.length);
    decodeHalf(bytesOf(ALL), dtype, values);

    const again = encodeHalf(values, dtype);

    const changed = ALL.filter((bits) => again[bits] !== bits && !Number.isNaN(values[bits]));
    expect([...changed]).toEqual([]);
    expect([...ALL].every((bits) => !Number.isNaN(values[bits]) || isNaNHalf(again[bits] as number))).toBe(true);
  });

  const isNaNHalf = (bits: number) => {
    const infinity = dtype === 'F16' ? 0x7c00 : 0x7f80;
    return (bits & 0x7fff) > infinity;
  };

  test('rounds to the nearest half float', () => {
    const largest = dtype === 'F16' ? 65504 : 3.38e38;
    fc.assert(
      fc.property(fc.float({ noNaN: true, min: -Math.fround(largest), max: Math.fround(largest) }), (value) => {
        const [half] = encodeHalf(Float32Array.of(value), dtype);
        const near = new Float32Array(3);
        decodeHalf(bytesOf(Uint16Array.of((half as number) - 1, half as number, (half as number) + 1)), dtype, near);
        const error = Math.abs((near[1] as number) - value);
        const others = [near[0] as number, near[2] as number].filter((other) => Number.isFinite(other));

        for (const other of others) expect(error).toBeLessThanOrEqual(Math.abs(other - value));
      }),
    );
  });
});
