import { describe, expect, test } from 'vitest';
import type { Open } from '../federation/schemas.ts';
import { gpuTaskMessage, keyOf } from '../federation/testing.ts';
import type { AnswerKey } from './answer-keys.ts';
import { roundProgress } from './round-progress.ts';

const { resent, federation, site: _, ...terms } = gpuTaskMessage({});
const OPEN: Open = {
  ...terms,
  schema: 'fedcardio.open/1',
  participants: ['berlin', 'hamburg', 'munich'].map((id) => ({ site: id, samples: 1, summary: 'b'.repeat(64) })),
  quorum: 2,
  previous: 'a'.repeat(64),
};
const DEADLINE = new Date(OPEN.deadline);
/** A time before the deadline. The round lasts 24 hours. */
const at = (hoursBefore: number) => new Date(DEADLINE.getTime() - hoursBefore * 3_600_000);
const answer = (site: string, unusable?: 'failed' | 'refused'): AnswerKey => ({
  site,
  key: keyOf(`${site}.update.json`),
  at: at(20),
  unusable,
  documentBytes: 1,
  weightsBytes: 1,
});
const progress = (answers: readonly AnswerKey[] | undefined, hoursBefore: number, deadline = DEADLINE) =>
  roundProgress(OPEN, answers, deadline, at(hoursBefore));

describe('roundProgress', () => {
  test('counts participants with a possibly usable answer once', () => {
    const answers = [answer('berlin'), answer('berlin'), answer('ulm'), answer('munich', 'failed')];
    expect(progress(answers, 12)).toMatchObject({ usable: 1, quorum: 2 });
  });

  test('reports a missing quorum in the last quarter of the time', () => {
    expect(progress([], 6.1).shortOfQuorum).toBeUndefined();
    expect(progress([], 5.9).shortOfQuorum).toBe(true);
    expect(progress([answer('berlin'), answer('munich')], 5.9).shortOfQuorum).toBe(false);
  });

  test('is short of quorum if too many answers are missing to count them', () => {
    expect(progress(undefined, 12)).toMatchObject({ usable: undefined, shortOfQuorum: undefined });
    expect(progress(undefined, 5.9)).toMatchObject({ usable: undefined, shortOfQuorum: true });
  });

  test('is overdue after the deadline, which pauses extend', () => {
    expect(progress([], 1).overdueSeconds).toBe(0);
    expect(progress([], -2).overdueSeconds).toBe(7200);
    expect(progress([], -2, at(-3)).overdueSeconds).toBe(0);
  });
});
