import { expect, test } from 'vitest';
import { placeStages } from './layout.ts';

const places = (stages: Parameters<typeof placeStages>[0]) =>
  placeStages(stages).map(({ stage, column, row }) => [stage.name, column, row]);

test('a stage is to the right of all that it waits for, not only of the first', () => {
  expect(
    places([
      { name: 'a', after: [] },
      { name: 'b', after: ['a'] },
      { name: 'c', after: ['a', 'b'] },
      { name: 'd', after: ['c', 'a'] },
    ]),
  ).toEqual([
    ['a', 0, 0],
    ['b', 1, 0],
    ['c', 2, 0],
    ['d', 3, 0],
  ]);
});

test('stages of one column are below each other, in their order', () => {
  expect(
    places([
      { name: 'hinges', after: [] },
      { name: 'calcium', after: [] },
      { name: 'student', after: ['hinges', 'calcium'] },
      { name: 'ostia', after: [] },
    ]),
  ).toEqual([
    ['hinges', 0, 0],
    ['calcium', 0, 1],
    ['student', 1, 0],
    ['ostia', 0, 2],
  ]);
});

test('a stage that is not there does not move those that wait for it', () => {
  expect(places([{ name: 'a', after: ['gone'] }])).toEqual([['a', 0, 0]]);
});
