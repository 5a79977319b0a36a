import { expect, test } from 'vitest';
import { stageSchema } from '../federation/schemas.ts';
import { TEACHER_STAGE } from '../federation/testing.ts';
import { usefulUntil } from './late.ts';

const DEADLINE = new Date('2026-03-03T08:00:00.000Z');
const stage = (aggregation: object) =>
  stageSchema.parse({ ...TEACHER_STAGE, aggregation, quorum: { deadlineSeconds: 3600 } });

test('a GPU task is of use until its deadline, or that of the round that merges it late', () => {
  expect(usefulUntil({ config: stage({ strategy: 'fedavg' }), round: 1 }, DEADLINE)).toEqual(DEADLINE);
  expect(usefulUntil({ config: stage({ strategy: 'fedavg', lateFactor: 0.5 }), round: 1 }, DEADLINE)).toEqual(
    new Date('2026-03-03T09:00:00.000Z'),
  );
});
