import { describe, expect, it } from 'vitest';
import { createMemoryObjects } from '../storage/memory.ts';
import { parseSafetensorsHeader } from '../weights/header.ts';
import { encodeSafetensors, encodeSafetensorsHeader, type TensorShape } from '../weights/safetensors.ts';
import { commonLayout, fileFault, layoutDifference, readHeader } from './layout.ts';

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

describe('readHeader', () => {
  it('reads headers that are longer than its first request', async () => {
    const objects = createMemoryObjects();
    const names = Array.from({ length: 3000 }, (_, i) => `encoder.${i}.weight`);
    const file = encodeSafetensors(
      new Map(names.map((name) => [name, { dtype: 'F32', shape: [1], data: new Float32Array(1) }])),
    );
    await objects.put('b', 'k', file);

    const { header, bytes } = await readHeader(objects, 'b', 'k');

    expect(bytes.length).toBeGreaterThan(64 * 1024);
    expect(header).toEqual(parseSafetensorsHeader(file));
    expect(Buffer.compare(bytes, file.subarray(0, bytes.length))).toBe(0);
  });

  it('refuses a file that ends within its header', async () => {
    const objects = createMemoryObjects();
    await objects.put(
      'b',
      'k',
      encodeSafetensorsHeader(new Map([['w', { dtype: 'F32', shape: [9] }]])).subarray(0, 30),
    );
    await expect(readHeader(objects, 'b', 'k')).rejects.toThrow(expect.objectContaining({ code: 'BAD_WEIGHTS' }));
  });
});

describe('layouts', () => {
  it('differ by the first tensor that does', () => {
    const expected = header({ a: [2], b: [3, 1] });
    const difference = (other: Parameters<typeof header>[0]) => layoutDifference(header(other), expected, 'the model');

    expect(difference({ a: [2], b: [3, 1] })).toBeUndefined();
    expect(difference({ a: [2] })).toBe('tensor "b" of the model is missing');
    expect(difference({ a: [2], b: [1, 3] })).toBe('tensor "b" is F32 [1,3], in the model F32 [3,1]');
    expect(difference({ a: { dtype: 'I32', shape: [2] }, b: [3, 1] })).toBe(
      'tensor "a" is I32 [2], in the model F32 [2]',
    );
    expect(difference({ a: [2], b: [3, 1], c: [] })).toBe('the model has no tensor "c"');
  });

  it('are common when most have them, the earliest of equally many', () => {
    const [one, two] = [header({ a: [1] }), header({ a: [2] })];
    expect(commonLayout([one, two, header({ a: [2] })])).toBe(two);
    expect(commonLayout([one, two])).toBe(one);
    expect(commonLayout([])).toBeUndefined();
  });

  it('are no use with other types than F32, without values, or with another length than stated', () => {
    const { dataStart, dataBytes } = header({ a: [2] });
    expect(fileFault(header({ a: [2] }), dataStart + dataBytes)).toBeUndefined();
    expect(fileFault(header({ a: [2] }), dataStart)).toMatch(/describes \d+ bytes, the update's metadata says \d+/);
    const counter = header({ counter: { dtype: 'I64', shape: [1] } });
    expect(fileFault(counter, counter.dataStart + 8)).toBe('tensor "counter" is I64; updates hold F32');
    expect(fileFault(header({ a: [0] }), header({ a: [0] }).dataStart)).toBe('the weights hold no values');
  });
});
