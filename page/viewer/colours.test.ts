import { expect, test } from 'vitest';
import { COLOURS, colourOf, cssOf, firstColours } from './colours.ts';

test('gives each class of all layers its own colour, as far as there are as many', () => {
  const layer = (id: string, count: number) => ({
    id,
    classes: Array.from({ length: count }, (_, index) => ({ label: index + 1 })),
  });
  const layers = [layer('calcification', 1), layer('hinge-points', 5), layer('septum', 2), layer('coronaries', 2)];
  const first = firstColours(layers);

  const colours = layers.flatMap(({ id, classes }) =>
    classes.map(({ label }) => cssOf(colourOf(first.get(id) ?? 0, label))),
  );

  expect(colours).toHaveLength(COLOURS.length);
  expect(new Set(colours).size).toBe(colours.length);
});
