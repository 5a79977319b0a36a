import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

const TASKS = ['hinge-points', 'membranous-septum', 'calcification', 'aorta'];

test.each([
  ['aorte', 'aorta'],
  ['Aorta', 'aorta'],
  ['hinge_points', 'hinge-points'],
  ['calcifcation', 'calcification'],
  ['membranous-septum-2', 'membranous-septum'],
])('takes %s for %s', (word, meant) => {
  expect(nearest(word, TASKS)).toBe(meant);
});

test.each(['spleen', '', 'points', 'x'.repeat(10_000)])('takes "%.20s" for none', (word) => {
  expect(nearest(word, TASKS)).toBeUndefined();
});

test('takes a candidate for itself, and knows nothing without candidates', () => {
  const words = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), {
    minLength: 1,
    selector: (word) => word.toLowerCase(),
  });
  fc.assert(
    fc.property(words, (candidates) => {
      for (const word of candidates) expect(nearest(word, candidates)).toBe(word);
      expect(nearest('word', [])).toBeUndefined();
    }),
  );
});
