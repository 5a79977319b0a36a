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

  test('is empty if no update has figures', () => {
    expect(meanFigures([{ samples: 2, figures: {} }])).toEqual({});
  });
});
