import { expect, test } from 'vitest';
import { DEFAULT_TASKS, TASKS } from '../lib/federation/tasks.ts';
import { listText, setText } from './tasks.ts';

test('lists tasks with their classes, and says where they are declared', () => {
  const text = listText({ federation: 'heart' }, { tasks: DEFAULT_TASKS, isDefault: true });

  expect(text.split('\n')[0]).toBe('Tasks of the federation "heart", which declares none: the default ones:');
  expect(text).toMatch(/membranous-septum\s+landmarks\s+1 septum-start, 2 septum-end\s+Membranous septum/);
  expect(listText({ federation: 'heart' }, { tasks: [TASKS.calcification], isDefault: false })).toContain('tasks.json');
});

test('tells what was changed, and when sites follow', () => {
  const text = setText({ federation: 'heart' }, DEFAULT_TASKS, [{ task: 'aorta', change: 'removed' }]);

  expect(text).toContain('  aorta: removed');
  expect(text).toContain('next rescan');
  expect(setText({ federation: 'heart' }, DEFAULT_TASKS, [])).toContain('has these 4 tasks already');
});
