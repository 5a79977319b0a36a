import { expect, test } from 'vitest';
import { campaignSchema } from '../../lib/federation/schemas.ts';
import { TEACHER_STAGE } from '../../lib/federation/testing.ts';
import { workloadOf } from './workload.ts';

test('counts the steps of a personal model too', () => {
  const site = { id: 'berlin', name: 'Berlin', training: 3, evaluation: 1, labelled: { 'hinge-points': 2 } };
  const totalOf = (training: object) => {
    const stage = { ...TEACHER_STAGE, training: { ...TEACHER_STAGE.training, ...training } };
    return workloadOf(campaignSchema.parse({ schema: 'fedcardio.campaign/1', id: 'tavi', stages: [stage] }), [site])
      .total;
  };

  expect(totalOf({ algorithm: { name: 'ditto', lambda: 1 } })).toBe(2 * totalOf({}));
  expect(totalOf({ algorithm: { name: 'scaffold' } })).toBe(totalOf({}));
});
