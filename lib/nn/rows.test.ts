import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadBackend } from './backend.ts';
import { rowMap } from './rows.ts';
import { availableBackends } from './testing.ts';
import { tf } from './tf.ts';

describe.each(await availableBackends())('row maps on the %s backend', (backend) => {
  beforeAll(async () => {
    await loadBackend(backend);
  });

  test('gather rows, zeros for -1, and sum the gradients of each source row', () => {
    const cases = fc
      .integer({ min: 1, max: 9 })
      .chain((source) =>
        fc.tuple(
          fc.constant(source),
          fc.array(fc.integer({ min: -1, max: source - 1 }), { minLength: 1, maxLength: 20 }),
        ),
      );
    fc.assert(
      fc.property(cases, ([source, indices]) => {
        const before = tf.memory().numTensors;
        const map = rowMap(Int32Array.from(indices), source);
        tf.tidy(() => {
          const x = tf.tensor2d(
            Float32Array.from({ length: source * 2 }, (_, i) => i + 1),
            [source, 2],
          );
          const dy = tf.tensor2d(
            Float32Array.from({ length: indices.length * 2 }, (_, i) => 3 * i - 7),
            [indices.length, 2],
          );
          const [y, [dx]] = [map.gather(x), tf.grads((a) => tf.sum(tf.mul(map.gather(a as tf.Tensor2D), dy)))([x])];
          const expected = Array.from({ length: source * 2 }, () => 0);
          const g = dy.dataSync();
          indices.forEach((index, row) => {
            for (const c of [0, 1]) if (index >= 0) expected[2 * index + c]! += g[2 * row + c]!;
          });
          expect(Array.from(y.dataSync())).toEqual(indices.flatMap((i) => (i < 0 ? [0, 0] : [2 * i + 1, 2 * i + 2])));
          expect(Array.from(dx!.dataSync())).toEqual(expected);
        });
        map.dispose();
        expect(tf.memory().numTensors).toBe(before);
      }),
      { numRuns: 40 },
    );
  });
});
