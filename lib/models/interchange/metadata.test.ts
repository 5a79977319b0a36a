import { expect, test } from 'vitest';
import { TASKS } from '../../federation/tasks.ts';
import { headsMetadata, headsOfMetadata } from './metadata.ts';

test('a header names the task of every channel', () => {
  const { calcification, 'membranous-septum': septum } = TASKS;
  const metadata = headsMetadata([calcification, septum]);
  expect(metadata.format).toBe('pt');
  expect(JSON.parse(metadata['fedcardio.heads']!)).toEqual([
    { task: 'calcification', first: 0, channels: ['background', 'calcium'], definition: calcification },
    { task: 'membranous-septum', first: 2, channels: ['background', 'septum-start', 'septum-end'], definition: septum },
  ]);
  expect(headsOfMetadata(metadata)).toEqual([calcification, septum]);
});

test('a header of a release without custom tasks names default tasks', () => {
  expect(headsOfMetadata({ 'fedcardio.heads': '[{"task":"calcification"}]' })).toEqual([TASKS.calcification]);
});

test('a foreign file names no heads, and a damaged or unknown list is refused', () => {
  expect(headsOfMetadata({ format: 'pt' })).toBeUndefined();
  for (const text of ['[{"task":"aorta"}]', '[{"task":', '{}']) {
    expect(() => headsOfMetadata({ 'fedcardio.heads': text })).toThrow(
      expect.objectContaining({ code: 'BAD_WEIGHTS' }),
    );
  }
});
