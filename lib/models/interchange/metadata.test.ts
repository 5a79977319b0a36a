import { expect, test } from 'vitest';
import { headsMetadata, headsOfMetadata } from './metadata.ts';

test('a header names the task of every channel', () => {
  const metadata = headsMetadata(['calcification', 'membranous-septum']);
  expect(metadata.format).toBe('pt');
  expect(JSON.parse(metadata['fedcardio.heads']!)).toEqual([
    { task: 'calcification', first: 0, channels: ['background', 'calcium'] },
    { task: 'membranous-septum', first: 2, channels: ['background', 'septum-start', 'septum-end'] },
  ]);
  expect(headsOfMetadata(metadata)).toEqual(['calcification', 'membranous-septum']);
});

test('a foreign file names no heads, and a damaged or unknown list is refused', () => {
  expect(headsOfMetadata({ format: 'pt' })).toBeUndefined();
  for (const text of ['[{"task":"aorta"}]', '[{"task":', '{}']) {
    expect(() => headsOfMetadata({ 'fedcardio.heads': text })).toThrow(
      expect.objectContaining({ code: 'BAD_WEIGHTS' }),
    );
  }
});
