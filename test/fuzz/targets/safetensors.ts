import fc from 'fast-check';
import { isFedcardioError } from '../../../lib/error.ts';
import { decodeHalf } from '../../../lib/weights/half-floats.ts';
import { decodeTensors, encodeSafetensors } from '../../../lib/weights/safetensors.ts';
import type { Tensor } from '../../../lib/weights/weights.ts';
import { mutatedBytes } from '../byte-mutations.ts';
import type { Target } from '../engine.ts';
import { mutatedJson } from '../json-mutations.ts';

/**
 * Weight files. They are decoded to the values that a simple reading of the header gives, or refused as `BAD_WEIGHTS`. A
 * file that nobody has touched is decoded.
 */
export const safetensors = (): Target => ({
  inputs: fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom(...VALID) },
    { weight: 3, arbitrary: mutatedBytes(fc.constantFrom(...VALID)) },
    { weight: 4, arbitrary: mutatedHeader },
    { weight: 4, arbitrary: composed },
    { weight: 1, arbitrary: mutatedBytes(mutatedHeader, 1) },
  ),
  check: (input) => {
    let decoded: ReadonlyMap<string, Tensor>;
    try {
      decoded = decodeTensors(input);
    } catch (error) {
      if (!isFedcardioError(error, 'BAD_WEIGHTS')) throw error;
      if (!error.message.endsWith('.') || error.message.length > 1000)
        throw new Error(`a bad message: ${error.message}`);
      if (VALID.some((file) => Buffer.compare(file, input) === 0)) throw new Error('a valid file is refused');
      return;
    }
    compare(decoded, input);
  },
});

const tensor = (data: Tensor['data'], shape: readonly number[] = [data.length]): Tensor => {
  const dtype = data instanceof Float32Array ? 'F32' : data instanceof Int32Array ? 'I32' : 'I64';
  return { dtype, shape, data } as Tensor;
};
const WEIGHTS = new Map([
  ['encoder.weight', tensor(Float32Array.of(1, -2, 3.5, 4, 5, 6), [2, 3])],
  ['bias', tensor(Float32Array.of(0.25))],
  ['empty', tensor(new Float32Array(0), [0, 4])],
]);
const VALID: readonly Uint8Array[] = [
  encodeSafetensors(WEIGHTS, { stage: 'teacher' }),
  encodeSafetensors(WEIGHTS, {}, { dtype: 'F16' }),
  encodeSafetensors(WEIGHTS, {}, { dtype: 'BF16' }),
  encodeSafetensors(new Map([...WEIGHTS, ['step', tensor(BigInt64Array.of(7n))], ['seen', tensor(Int32Array.of(-1))]])),
  encodeSafetensors(new Map()),
];

const WIDTHS: Readonly<Record<string, number>> = { F32: 4, I32: 4, I64: 8, F16: 2, BF16: 2 };

const usually = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 7, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });

const headerOf = (file: Uint8Array): unknown => JSON.parse(textOf(file));

/** Header text of a file. */
function textOf(file: Uint8Array): string {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  return Buffer.from(file.subarray(8, 8 + length)).toString();
}

/** Files whose header has these values or keys changed; padded and of the declared length, or not. */
const mutatedHeader: fc.Arbitrary<Uint8Array> = fc
  .constantFrom(...VALID)
  .chain((file) =>
    fc
      .tuple(mutatedJson([headerOf(file)]), usually(8, 1), usually(0, -8, 8, 2 ** 40))
      .map(([text, padding, lie]) => fileOf(text, file.subarray(8 + textOf(file).length), padding, lie)),
  );

/** Files of tensors that may overlap, leave gaps, have impossible sizes, or lie in the wrong order. */
const composed: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.record({
      name: fc.constantFrom(...'abcdefghijkl', 'é', '__proto__'),
      dtype: fc.constantFrom('F32', 'F16', 'BF16', 'I32', 'I64'),
      shape: fc.array(usually(2, 0, 1, 3, 2 ** 31, 2 ** 53), { maxLength: 3 }),
      shift: usually(0, -4, 4, 2),
      growth: usually(0, -4, 4, 1),
    }),
    { maxLength: 5 },
  )
  .chain((tensors) => {
    let end = 0;
    const entries = tensors.map(({ name, dtype, shape, shift, growth }) => {
      const begin = Math.max(0, end + shift);
      end = begin + shape.reduce((product, side) => product * side, WIDTHS[dtype] as number) + growth;
      return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`;
    });
    const data = Buffer.alloc(Math.min(Math.max(0, end), 4096), 0x3c);
    return fc.shuffledSubarray(entries, { minLength: entries.length }).map((text) => fileOf(`{${text.join()}}`, data));
  });

function fileOf(header: string, data: Uint8Array, padding = 8, lie = 0): Uint8Array {
  const json = Buffer.from(header);
  const start = Buffer.alloc(8 + Math.ceil(json.length / padding) * padding, ' ');
  start.writeBigUInt64LE(BigInt(Math.max(0, start.length - 8 + lie)));
  json.copy(start, 8);
  return Buffer.concat([start, data]);
}

/** Compares with the header as `JSON.parse` reads it, and with the bytes that it names. */
function compare(decoded: ReadonlyMap<string, Tensor>, file: Uint8Array): void {
  const text = textOf(file);
  const value = JSON.parse(text) as Readonly<Record<string, unknown>>;
  // JSON.parse drops the first of two equal keys, and with it a string.
  if (stringsIn(text) !== stringsIn(JSON.stringify(value))) throw new Error('a key that occurs twice is accepted');
  const names = Object.keys(value).filter((name) => name !== '__metadata__');
  if (names.sort().join('\n') !== [...decoded.keys()].sort().join('\n')) throw new Error('other names are decoded');
  const start = file.length - sum(Object.values(value).map((entry) => bytesOf(entry)));
  for (const name of names) {
    const { dtype, shape, data_offsets } = value[name] as Entry;
    const { data, shape: found } = decoded.get(name) as Tensor;
    if (found.join() !== shape.join()) throw new Error('another shape is decoded');
    if (data.length !== shape.reduce((product, side) => product * side, 1))
      throw new Error('values do not fill the shape');
    const bytes = Buffer.from(file.subarray(start + data_offsets[0], start + data_offsets[1]));
    const expected = valuesOf(dtype, bytes);
    if (data.some((one, i) => !Object.is(one, expected[i]))) throw new Error('other values are decoded');
  }
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function bytesOf(entry: unknown): number {
  const { data_offsets: offsets } = entry as Partial<Entry>;
  return offsets ? offsets[1] - offsets[0] : 0;
}

function valuesOf(dtype: string, bytes: Buffer): readonly (number | bigint)[] {
  return Array.from({ length: bytes.length / (WIDTHS[dtype] as number) }, (_, i) => {
    if (dtype === 'F32') return bytes.readFloatLE(i * 4);
    if (dtype === 'I32') return bytes.readInt32LE(i * 4);
    if (dtype === 'I64') return bytes.readBigInt64LE(i * 8);
    const half = new Float32Array(1);
    decodeHalf(Uint8Array.from(bytes.subarray(i * 2, i * 2 + 2)), dtype as 'F16' | 'BF16', half);
    return half[0] as number;
  });
}

function stringsIn(json: string): number {
  let [count, isInside] = [0, false];
  for (let i = 0; i < json.length; i++) {
    if (isInside && json[i] === '\\') i++;
    else if (json[i] === '"') {
      isInside = !isInside;
      if (isInside) count++;
    }
  }
  return count;
}
