import { expect, test } from 'vitest';
import { TASKS } from '../lib/federation/tasks.ts';
import { maskHeads } from './mask-heads.ts';

test('only segmentations that are learnt beside landmarks have weights of their own', () => {
  const { calcification, 'hinge-points': hinges, 'coronary-arteries': coronary } = TASKS;

  expect(maskHeads([hinges, calcification, coronary])).toEqual({
    heads: {
      calcification: { foregroundWeight: 2, weight: 1 },
      'coronary-arteries': { foregroundWeight: 2, weight: 1 },
    },
  });
  expect(maskHeads([hinges])).toEqual({});
  expect(maskHeads([calcification, coronary])).toEqual({});
});
