import { describe, expect, test } from 'vitest';
import { encodeSafetensorsHeader, type TensorShape } from '../weights/safetensors.ts';
import { parseSafetensorsHeader } from '../weights/safetensors-header.ts';
import { commonLayout, fileFault, layoutDifference, segmentsOf, withFloats } from './layout.ts';

const header = (tensors: Readonly<Record<string, TensorShape | readonly number[]>>) =>
  parseSafetensorsHeader(
    encodeSafetensorsHeader(
      new Map(
        Object.entries(tensors).map(([name, tensor]): [string, TensorShape] => [
          name,
          'dtype' in tensor ? tensor : { dtype: 'F32', shape: tensor },
        ]),
      ),
    ),
  );

describe('layout', () => {
  test('describes the first tensor that differs', () => {
    const expected = header({ a: [2], b: [3, 1] }).tensors;
    const difference = (other: Parameters<typeof header>[0]) =>
      layoutDifference(header(other).tensors, expected, 'the model');

    expect(difference({ a: [2], b: [3, 1] })).toBeUndefined();
    expect(difference({ a: [2] })).toBe('tensor "b" of the model is missing');
    expect(difference({ a: [2], b: [1, 3] })).toBe('tensor "b" is F32 [1,3], in the model it is F32 [3,1]');
    expect(difference({ a: { dtype: 'I32', shape: [2] }, b: [3, 1] })).toBe(
      'tensor "a" is I32 [2], in the model it is F32 [2]',
    );
    expect(difference({ a: [2], b: [3, 1], c: [] })).toBe('the model has no tensor "c"');
  });

  test('is the most common one, or the earliest of equally common ones', () => {
    const [one, two] = [header({ a: [1] }).tensors, header({ a: [2] }).tensors];
    expect(commonLayout([one, two, header({ a: [2] }).tensors])).toBe(two);
    expect(commonLayout([one, two])).toBe(one);
    expect(commonLayout([])).toBeUndefined();
  });

  test('includes the byte order of the tensors', () => {
    const [ab, ba] = [header({ a: [1], b: [1] }).tensors, header({ b: [1], a: [1] }).tensors];
    expect(layoutDifference(ba, ab, 'the model')).toBe('the tensors are in a different order than in the model');
  });

  test('changes the type of floats and keeps integers', () => {
    const stored = (dtype: 'F32' | 'F16') =>
      header({ n: { dtype: 'I32', shape: [2] }, w: { dtype, shape: [3] } }).tensors;
    expect(layoutDifference(withFloats(stored('F32'), 'F16'), stored('F16'), 'the update')).toBeUndefined();
    expect(layoutDifference(withFloats(stored('F16'), 'F32'), stored('F32'), 'the update')).toBeUndefined();
  });

  test('is refused with the wrong type of floats, without values, or with the wrong length', () => {
    const { dataStart, dataBytes } = header({ a: [2] });
    expect(fileFault(header({ a: [2] }), dataStart + dataBytes, 'F32')).toBeUndefined();
    expect(fileFault(header({ a: [2] }), dataStart, 'F32')).toMatch(
      /describes \d+ bytes, the update's metadata says \d+/,
    );
    expect(fileFault(header({ a: [2] }), dataStart + dataBytes, 'BF16')).toBe('tensor "a" is F32; floats must be BF16');
    const counter = header({ counter: { dtype: 'I64', shape: [1] } });
    expect(fileFault(counter, counter.dataStart + 8, 'F16')).toBeUndefined();
    expect(fileFault(header({ a: [0] }), header({ a: [0] }).dataStart, 'F32')).toBe('the weights hold no values');
  });

  test('is split into runs of tensors of one kind', () => {
    const { tensors } = header({
      steps: { dtype: 'I64', shape: [] },
      a: [2, 3],
      empty: [0],
      b: [5],
      seen: { dtype: 'I32', shape: [5] },
      none: { dtype: 'I64', shape: [0] },
    });
    expect(segmentsOf(tensors)).toEqual([
      { kind: 'I64', elements: 1, tensors: [{ name: 'steps', start: 0 }] },
      {
        kind: 'float',
        elements: 11,
        tensors: [
          { name: 'a', start: 0 },
          { name: 'empty', start: 6 },
          { name: 'b', start: 6 },
        ],
      },
      { kind: 'I32', elements: 5, tensors: [{ name: 'seen', start: 0 }] },
    ]);
    const apart = segmentsOf(tensors, (name) => (name === 'a' ? 'first' : 'others'));
    expect(apart.map((segment) => segment.tensors.map(({ name }) => name))).toEqual([
      ['steps'],
      ['a'],
      ['empty', 'b'],
      ['seen'],
    ]);
  });
});
