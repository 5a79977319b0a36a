import { expect, test } from 'vitest';
import { decodeForeign } from './foreign-tensors.ts';
import { decodeSafetensors } from './safetensors.ts';

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A safetensors file whose header is `pad` bytes longer than its JSON. */
function file(tensors: Readonly<Record<string, Entry>>, pad = 0): Buffer {
  let end = 0;
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
      const begin = end;
      end += bytes.length;
      return [name, { dtype, shape, data_offsets: [begin, end] }];
    }),
  );
  const json = Buffer.from(JSON.stringify(header) + ' '.repeat(pad));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...Object.values(tensors).map(({ bytes }) => bytes)]);
}

const bytesOf = (array: Float64Array | Float32Array | Uint16Array | BigInt64Array): Uint8Array =>
  new Uint8Array(array.buffer);
const doubles = (...values: readonly number[]): Entry => ({
  dtype: 'F64',
  shape: [values.length],
  bytes: bytesOf(Float64Array.from(values)),
});

test('converts float64 and half floats to float32, and says how many', () => {
  const half = { dtype: 'F16', shape: [1], bytes: bytesOf(Uint16Array.of(0x3c00)) };
  const single = { dtype: 'F32', shape: [1], bytes: bytesOf(Float32Array.of(2)) };

  const { tensors, converted } = decodeForeign(file({ a: doubles(0.1, -3e38, 1e-50), b: half, c: single }));

  expect([...tensors.values()].map(({ dtype, data }) => [dtype, ...data])).toEqual([
    ['F32', Math.fround(0.1), Math.fround(-3e38), 0],
    ['F32', 1],
    ['F32', 2],
  ]);
  expect([...converted]).toEqual([
    ['F64', 1],
    ['F16', 1],
  ]);
});

test.each([
  ['a value that float32 cannot hold', doubles(1, 3.5e38), /"a" holds 3\.5e\+38, which float32 cannot hold\.$/],
  ['a NaN', doubles(1, Number.NaN), /"a" has values that are NaN or infinite\.$/],
  ['an infinity', doubles(Number.NEGATIVE_INFINITY), /"a" has values that are NaN or infinite\.$/],
  ['an eight-bit float', { dtype: 'F8_E4M3', shape: [1], bytes: Uint8Array.of(1) }, /"a" has dtype "F8_E4M3"/],
])('refuses %s', (_, entry, message) => {
  expect(() => decodeForeign(file({ a: entry }))).toThrow(message);
});

test.each([0, 1, 2, 3, 4, 5, 6, 7])(
  'reads a header that is padded by %i bytes, wherever the tensors then start',
  (pad) => {
    const { tensors } = decodeForeign(file({ a: doubles(1, 2), c: doubles(3) }, pad));

    expect([...tensors].map(([name, { data }]) => [name, ...data])).toEqual([
      ['a', 1, 2],
      ['c', 3],
    ]);
  },
);

test('passes over types that no network has, and keeps counters', () => {
  const flag = { dtype: 'BOOL', shape: [3], bytes: Uint8Array.of(1, 0, 1) };
  const counter = { dtype: 'I64', shape: [], bytes: bytesOf(BigInt64Array.of(7n)) };

  const { tensors, unread } = decodeForeign(file({ flag, counter }));

  expect(unread).toEqual(['flag']);
  expect(tensors.get('counter')?.data).toEqual(BigInt64Array.of(7n));
});

test('a site’s update stays strict: neither float64 nor an unpadded header', () => {
  expect(() => decodeSafetensors(file({ a: doubles(1) }, 2))).toThrow(/not a multiple of 8|dtype "F64"/);
  const single = { dtype: 'F32', shape: [1], bytes: bytesOf(Float32Array.of(2)) };
  const accepted = [0, 1, 2, 3, 4, 5, 6, 7].filter((pad) => {
    try {
      return decodeSafetensors(file({ c: single }, pad)).size === 1;
    } catch {
      return false;
    }
  });
  expect(accepted).toHaveLength(1);
});
