import { expect, test } from 'vitest';
import { classTitle, DEFAULT_TASKS } from '../../lib/federation/tasks.ts';
import { de } from '../text/de.ts';
import { titleText } from './titles.ts';

test('every default task and class has a German title', () => {
  const titles = DEFAULT_TASKS.flatMap((task) => [
    task.title,
    ...task.classes.map((_, index) => classTitle(task, index + 1)),
  ]);

  const without = titles.filter((title) => !Object.hasOwn(de.measured.titles, title) && title !== 'lumen');

  expect(without).toEqual([]);
  expect(titleText('right ostium', de.measured)).toBe('rechtes Ostium');
  expect(titleText('toString', de.measured)).toBe('toString');
});
