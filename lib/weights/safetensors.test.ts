import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeSafetensors, decodeTensors, encodeSafetensors } from './safetensors.ts';
import { parseSafetensorsHeader } from './safetensors-header.ts';
import { elementsOf, type Tensor, type Tensors, type Weights } from './weights.ts';

const fixture = (name: string): Uint8Array =>
  readFileSync(new URL(`../../test/fixtures/weights/${name}`, import.meta.url));

/** The arrays of scripts/fixtures/weights.py: value i of each is i / 8 - 1. */
const ARRAYS: Weights = new Map(
  Object.entries({ 'encoder.0.weight': [2, 3, 3], 'encoder.0.bias': [2], scale: [], empty: [0, 4], Ünïcode: [3] }).map(
    ([name, shape]) => {
      const data = Float32Array.from({ length: elementsOf(shape) }, (_, i) => i / 8 - 1);
      return [name, { dtype: 'F32' as const, shape, data }];
    },
  ),
);

const contents = (weights: Tensors) =>
  new Map([...weights].map(([name, { shape, data }]) => [name, { shape, data: Buffer.from(data.slice().buffer) }]));

/** A file with this header text, correctly padded, and this many zero bytes of tensors. */
function file(header: string | object, dataBytes = 0): Uint8Array {
  const text = typeof header === 'string' ? header : JSON.stringify(header);
  const json = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const bytes = Buffer.alloc(8 + json.length + dataBytes);
  bytes.writeBigUInt64LE(BigInt(json.length));
  json.copy(bytes, 8);
  return bytes;
}
const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

describe('safetensors', () => {
  test('reads files of the reference library', () => {
    const bytes = fixture('python-f32.safetensors');

    expect(contents(decodeSafetensors(bytes))).toEqual(contents(ARRAYS));
    expect(parseSafetensorsHeader(bytes).metadata).toEqual({ stage: 'student' });
  });

  test('writes the same bytes as the reference library', () => {
    const bytes = encodeSafetensors(ARRAYS, { stage: 'student' });

    expect(Buffer.compare(bytes, fixture('python-f32.safetensors'))).toBe(0);
  });

  test('writes integers and half floats in the same bytes as the reference library', () => {
    const steps = { dtype: 'I64' as const, shape: [3], data: BigInt64Array.of(-(2n ** 63n), -1n, 2n ** 63n - 1n) };
    const files: readonly (readonly [string, Uint8Array])[] = [
      ['python-i64', encodeSafetensors(new Map<string, Tensor>([...ARRAYS, ['steps', steps]]))],
      ['python-f16', encodeSafetensors(ARRAYS, {}, { dtype: 'F16' })],
      ['python-bf16', encodeSafetensors(ARRAYS, {}, { dtype: 'BF16' })],
    ];
    for (const [name, bytes] of files) expect(Buffer.compare(bytes, fixture(`${name}.safetensors`)), name).toBe(0);
  });

  test('puts I64 and I32 before all floats, in a file that the reference library can read', () => {
    const steps = { dtype: 'I64' as const, shape: [3], data: BigInt64Array.of(-(2n ** 63n), -1n, 2n ** 63n - 1n) };
    const seen = { dtype: 'I32' as const, shape: [3], data: Int32Array.of(-(2 ** 31), -1, 2 ** 31 - 1) };
    const mixed = new Map<string, Tensor>([...ARRAYS, ['seen', seen], ['steps', steps]]);

    const bytes = encodeSafetensors(mixed);

    expect(Buffer.compare(bytes, fixture('fedcardio-mixed.safetensors'))).toBe(0);
    expect([...decodeTensors(bytes).keys()].slice(0, 2)).toEqual(['steps', 'seen']);
    expect(contents(decodeTensors(bytes))).toEqual(contents(mixed));
    expect(() => decodeSafetensors(bytes)).toThrow('tensor "steps" is I64; models hold floats');
  });

  test('reads half floats as float32', () => {
    // Values from -1 to 1.125 in eighths are exact in both.
    for (const name of ['python-f16.safetensors', 'python-bf16.safetensors']) {
      expect(contents(decodeSafetensors(fixture(name))), name).toEqual(contents(ARRAYS));
    }
  });

  test.each([
    ['F16', 65520, 65519],
    ['BF16', 3.4e38, 3.389e38],
  ] as const)('refuses to write values as %s that would not be finite', (dtype, beyond, largest) => {
    const encode = (...values: number[]) =>
      encodeSafetensors(new Map([['w', { dtype: 'F32', shape: [2], data: Float32Array.from(values) }]]), {}, { dtype });

    expect(() => encode(1, beyond)).toThrow(`tensor "w" holds ${Math.fround(beyond)}, which is not finite as ${dtype}`);
    expect(() => encode(-beyond, 1)).toThrow(expect.objectContaining({ code: 'BAD_WEIGHTS' }));
    expect(() => encode(1, Number.NaN)).toThrow('holds NaN');
    expect(decodeSafetensors(encode(1, largest), { finite: true }).get('w')?.data[0]).toBe(1);
  });

  test('keeps any weights to the bit, in the same bytes for every insertion order', () => {
    const tensor = fc.array(fc.nat(4), { maxLength: 4 }).chain((shape): fc.Arbitrary<Tensor> => {
      const length = { minLength: elementsOf(shape), maxLength: elementsOf(shape) };
      return fc.oneof(
        fc.float32Array(length).map((data) => ({ dtype: 'F32' as const, shape, data })),
        fc.int32Array(length).map((data) => ({ dtype: 'I32' as const, shape, data })),
        fc.bigInt64Array(length).map((data) => ({ dtype: 'I64' as const, shape, data })),
      );
    });
    const entries = fc.uniqueArray(fc.tuple(fc.string({ unit: 'binary' }), tensor), {
      selector: ([name]) => name,
      maxLength: 6,
    });
    fc.assert(
      fc.property(entries, fc.nat(7), (list, offset) => {
        const weights = new Map(list.filter(([name]) => name !== '__metadata__'));
        const bytes = encodeSafetensors(weights);
        const shifted = new Uint8Array(bytes.length + offset).subarray(offset);
        shifted.set(bytes);

        expect(contents(decodeTensors(shifted))).toEqual(contents(weights));
        expect(Buffer.compare(encodeSafetensors(new Map([...weights].reverse())), bytes)).toBe(0);
      }),
    );
  });

  test('refuses values that are not finite on request', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const bytes = encodeSafetensors(new Map([['w', { dtype: 'F32', shape: [2], data: Float32Array.of(1, value) }]]));

      expect(decodeSafetensors(bytes).get('w')?.data[1]).toBe(value);
      expect(() => decodeSafetensors(bytes, { finite: true })).toThrow(
        'tensor "w" has values that are NaN or infinite',
      );
    }
  });

  test('refuses to write an array whose length does not match its shape', () => {
    const weights: Weights = new Map([['w', { dtype: 'F32', shape: [3], data: new Float32Array(2) }]]);
    expect(() => encodeSafetensors(weights)).toThrow('tensor "w" has 2 values for shape [3]');
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(), /at least 8 bytes/],
    ['an oversized header length', Buffer.from('ffffffffffffffff', 'hex'), /claims 18446744073709551615 bytes/],
    ['a file cut within the header', file({ w: f32(0, 4) }, 4).subarray(0, 20), /the header ends at byte/],
    ['a file cut within a tensor', file({ w: f32(0, 8) }, 4), /describes .* bytes, the file has/],
    ['bytes after the last tensor', file({ w: f32(0, 4) }, 8), /describes .* bytes, the file has/],
    [
      'an unaligned header',
      Buffer.concat([Buffer.from('0300000000000000', 'hex'), Buffer.from('{} ')]),
      /multiple of 8/,
    ],
    ['no JSON', file('{"w":'), /not JSON/],
    [
      'bytes that are not UTF-8',
      Buffer.concat([file('{}').subarray(0, 8), Buffer.alloc(8, 0xff)]),
      /not JSON in UTF-8/,
    ],
    ['JSON that is not an object', file('[]'), /not a JSON object/],
    ['a header that starts with a space', file(' {}'), /not a JSON object/],
    ['a name twice', file(`{"w":${JSON.stringify(f32(0, 4))},"w":${JSON.stringify(f32(0, 4))}}`, 4), /"w" twice/],
    [
      'an escaped name twice',
      file(`{"w":${JSON.stringify(f32(0, 4))},"\\u0077":${JSON.stringify(f32(0, 4))}}`, 4),
      /"w" twice/,
    ],
    ['a long string', file(`{"w":"${'a'.repeat(9e6)}"}`), /must have dtype/],
    ['a long name', file({ ['a'.repeat(9e6)]: 1 }), /^tensor "a{99}… must have dtype/],
    ['a long name twice', file(`{"${'a'.repeat(9e6)}":1,"${'a'.repeat(9e6)}":1}`), /names "a{99}… twice/],
    ['a string of escapes', file(`{"w":"${'\\\\'.repeat(4e6)}"}`), /must have dtype/],
    ['nested arrays', file(`{"w":${'['.repeat(4e6)}${']'.repeat(4e6)}}`), /nested more than 3 deep/],
    ['nested objects', file(`${'{"a":'.repeat(1e6)}1${'}'.repeat(1e6)}`), /nested more than 3 deep/],
    ['brackets that never close', file(`{"w":${'['.repeat(4e6)}`), /nested more than 3 deep/],
    ['a string that never closes', file(`{"w":"${'\\"'.repeat(4e6)}`), /not JSON/],
    ['a nested shape', file(`{"w":{"dtype":"F32","shape":[[0]],"data_offsets":[0,0]}}`), /nested more than 3 deep/],
    ['a shape of a million sides', file({ w: { ...f32(0, 4), shape: Array(1e6).fill(2) } }, 4), /needs Infinity bytes/],
    ['a name of the prototype twice', file('{"__proto__":1,"__proto__":2}'), /names "__proto__" twice/],
    ['metadata that is not text', file({ __metadata__: { epochs: 3 } }), /text to text/],
    ['an unknown type', file({ w: { ...f32(0, 4), dtype: 'F8' } }, 4), /dtype "F8"/],
    ['a type from the prototype', file({ w: { ...f32(0, 4), dtype: 'toString' } }, 4), /dtype "toString"/],
    ['an unknown field', file({ w: { ...f32(0, 4), scale: 1 } }, 4), /nothing else/],
    ['a negative side', file({ w: { ...f32(0, 4), shape: [-1] } }, 4), /shape \[-1\]/],
    ['a shape that does not match its bytes', file({ w: f32(0, 8, [3]) }, 8), /needs 12 bytes and has 8/],
    ['a gap', file({ a: f32(0, 4), b: f32(8, 12) }, 12), /"b" starts at byte 8: it leaves a gap/],
    ['a gap at the start', file({ a: f32(4, 8) }, 8), /leaves a gap after byte 0/],
    ['an overlap', file({ a: f32(0, 8), b: f32(4, 8) }, 8), /"b" starts at byte 4: it overlaps/],
    [
      'an unaligned tensor',
      file({ a: { dtype: 'F16', shape: [1], data_offsets: [0, 2] }, b: f32(2, 6) }, 6),
      /not aligned/,
    ],
    [
      'a shape whose product is beyond exact integers',
      file({ w: { ...f32(0, 4), shape: [2 ** 52, 2 ** 52] } }, 4),
      /needs/,
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrow(message);
    expect(() => decodeSafetensors(bytes)).toThrow(expect.objectContaining({ code: 'BAD_WEIGHTS' }));
  });

  test('throws only BAD_WEIGHTS for any bytes', () => {
    const valid = encodeSafetensors(ARRAYS);
    const mutation = fc.tuple(fc.nat(valid.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = Uint8Array.from(valid);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          for (const { shape, data } of decodeSafetensors(bytes).values()) expect(data.length).toBe(elementsOf(shape));
        } catch (error) {
          expect(error).toMatchObject({ code: 'BAD_WEIGHTS' });
        }
      }),
      { numRuns: 500 },
    );
  });
});
