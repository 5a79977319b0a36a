import { expect, test } from 'vitest';
import { TASKS, type Task } from '../../federation/tasks.ts';
import { axesOfMetadata, exportMetadata, headsOfMetadata } from './metadata.ts';

test('a header names the task of every channel', () => {
  const tasks = [TASKS.calcification, TASKS['membranous-septum']];
  const metadata = exportMetadata(tasks, 'xyz');
  expect(metadata.format).toBe('pt');
  expect(JSON.parse(metadata['fedcardio.heads']!)).toEqual([
    { task: 'calcification', first: 0, channels: ['background', 'calcium'], definition: tasks[0] },
    {
      task: 'membranous-septum',
      first: 2,
      channels: ['background', 'septum-start', 'septum-end'],
      definition: tasks[1],
    },
  ]);
  expect(headsOfMetadata(metadata)).toEqual(tasks);
});

test('a file with tasks of its own needs no federation to be read', () => {
  const heart: Task = { id: 'heart', kind: 'segmentation', title: 'Heart', classes: ['root', 'ventricle'] };
  const plane: Task = { id: 'plane', kind: 'landmarks', title: 'Plane', classes: ['a', 'b', 'c'], radiusMm: 5 };

  expect(headsOfMetadata(exportMetadata([plane, heart], 'zyx'))).toEqual([plane, heart]);
  expect(JSON.parse(exportMetadata([plane, heart], 'zyx')['fedcardio.heads']!)).toMatchObject([
    { first: 0 },
    { first: 4 },
  ]);
});

test('a file of a release without definitions has the default tasks', () => {
  const text = '[{"task":"calcification","first":0,"channels":["background","calcium"]}]';

  expect(headsOfMetadata({ 'fedcardio.heads': text })).toEqual([TASKS.calcification]);
});

test('a foreign file names no heads, and a damaged or unknown list is refused', () => {
  expect(headsOfMetadata({ format: 'pt' })).toBeUndefined();
  for (const text of ['[{"task":"aorta"}]', '[{"task":', '{}']) {
    expect(() => headsOfMetadata({ 'fedcardio.heads': text })).toThrow(
      expect.objectContaining({ code: 'BAD_WEIGHTS' }),
    );
  }
});

test('a header names the order of the axes, which older exports did not', () => {
  expect(axesOfMetadata(exportMetadata([TASKS.calcification], 'xyz'))).toBe('xyz');
  expect(axesOfMetadata({ format: 'pt', 'fedcardio.heads': '[]' })).toBe('zyx');
  expect(axesOfMetadata({ format: 'pt' })).toBeUndefined();
  for (const text of ['', 'xyx', 'XYZ']) {
    expect(() => axesOfMetadata({ 'fedcardio.axes': text })).toThrow(expect.objectContaining({ code: 'BAD_WEIGHTS' }));
  }
});
