import { describe, expect, test } from 'vitest';
import { meanFigures } from './figures.ts';

describe('meanFigures', () => {
  test('weights each figure with the samples of the updates that have it', () => {
    const mean = meanFigures([
      { samples: 3, figures: { loss: 1, dice: 0.5 } },
      { samples: 1, figures: { loss: 3 } },
    ]);
    expect(mean).toEqual({ dice: 0.5, loss: 1.5 });
  });

  test.each(['constructor', 'toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf', '__proto__'])(
    'counts a figure named "%s" of the updates that have it alone',
    (name) => {
      const hostile: Readonly<Record<string, number>> = JSON.parse(`{"loss":3,"${name}":7}`);

      const mean = meanFigures([
        { samples: 1, figures: { loss: 1 } },
        { samples: 1, figures: hostile },
      ]);

      expect(Object.entries(mean).sort()).toEqual(
        [
          [name, 7],
          ['loss', 2],
        ].sort(),
      );
    },
  );

  test('leaves out a mean that overflows', () => {
    const figures = { loss: Number.MAX_VALUE, dice: 1 };
    const mean = meanFigures(Array.from({ length: 7 }, () => ({ samples: 1, figures })));
    for (const value of Object.values(mean)) expect(Number.isFinite(value)).toBe(true);
    expect(mean.dice).toBeCloseTo(1);
  });

  test('is empty if no update has figures', () => {
    expect(meanFigures([{ samples: 2, figures: {} }])).toEqual({});
  });
});
