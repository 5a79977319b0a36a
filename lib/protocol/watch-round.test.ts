import { describe, expect, test } from 'vitest';
import type { Open } from '../federation/schemas.ts';
import { gpuTaskMessage, keyOf } from '../federation/testing.ts';
import type { AnswerKey } from './state.ts';
import { watchOf } from './watch-round.ts';

const { resent, federation, site, ...terms } = gpuTaskMessage({});
const OPEN: Open = {
  ...terms,
  schema: 'fedcardio.open/1',
  participants: ['berlin', 'hamburg', 'munich'].map((id) => ({ site: id, samples: 1, summary: 'b'.repeat(64) })),
  quorum: 2,
  previous: 'a'.repeat(64),
};
const DEADLINE = new Date(OPEN.deadline);
/** The round's time is a day. */
const at = (hoursBefore: number) => new Date(DEADLINE.getTime() - hoursBefore * 3_600_000);
const answer = (of: string, unusable?: 'failed' | 'refused'): AnswerKey => ({
  site: of,
  key: keyOf(`${of}.update.json`),
  at: at(20),
  unusable,
  weightsBytes: 1,
});
const watch = (answers: readonly AnswerKey[], hoursBefore: number, deadline = DEADLINE) =>
  watchOf(OPEN, answers, deadline, at(hoursBefore));

describe('the watch over a round', () => {
  test('counts participants with an answer that may be used, each once', () => {
    const answers = [answer('berlin'), answer('berlin'), answer('ulm'), answer('munich', 'failed')];
    expect(watch(answers, 12)).toMatchObject({ usable: 1, quorum: 2 });
  });

  test('says nothing of quorum until the last quarter of its time', () => {
    expect(watch([], 6.1).shortOfQuorum).toBeUndefined();
    expect(watch([], 5.9).shortOfQuorum).toBe(true);
    expect(watch([answer('berlin'), answer('munich')], 5.9).shortOfQuorum).toBe(false);
  });

  test('is late from its deadline on, which pauses put off', () => {
    expect(watch([], 1).overdueSeconds).toBe(0);
    expect(watch([], -2).overdueSeconds).toBe(7200);
    expect(watch([], -2, at(-3)).overdueSeconds).toBe(0);
  });
});
