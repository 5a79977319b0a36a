import { describe, expect, test } from 'vitest';
import { federationKeys } from '../federation/keys.ts';
import { listAnswers } from './answer-keys.ts';
import { closeRound } from './close-round.ts';
import { recordFailure } from './gpu-tasks.ts';
import { type RoundStatus, roundStatus, withLateMerged } from './round-status.ts';
import type { RoundState } from './state.ts';
import { answer, crashingBeforeCommit, type OpenRound, openRoundOf, ROUND } from './testing.ts';

const SITES = ['bonn', 'graz', 'kiel', 'ulm'];

async function statusOf({ context, store, open }: OpenRound, phase: RoundState['phase']): Promise<RoundStatus> {
  const answers = await listAnswers(store, open);
  return roundStatus(context, { at: ROUND, phase, sentAt: undefined, open, answers }, []);
}

const fail = ({ context }: OpenRound, site: string) =>
  recordFailure(context, { federation: 'heart', ...ROUND, site }, 'no GPU');

/** Two sites have sent updates, one a wrong one, and one nothing. */
async function answeredRound(): Promise<OpenRound> {
  const round = await openRoundOf(SITES);
  await answer(round, 'bonn', [1, 2]);
  await answer(round, 'graz', [3, 4]);
  await answer(round, 'kiel', [5, Number.NaN]);
  return round;
}

const FAILED = [
  { site: 'kiel', reason: expect.stringContaining('not finite'), refused: true },
  { site: 'ulm', reason: 'TASK_FAILED: no GPU', refused: false },
];

describe('the status of a round', () => {
  test('that is open says who has answered and who is waited for', async () => {
    const round = await openRoundOf(SITES);
    await answer(round, 'graz', [3, 4]);
    await fail(round, 'ulm');

    expect(await statusOf(round, 'open')).toEqual({
      round: 1,
      phase: 'open',
      openedAt: round.open.at,
      deadline: round.open.deadline,
      committedAt: undefined,
      participants: SITES,
      quorum: 4,
      updated: ['graz'],
      waitingFor: ['bonn', 'kiel'],
      failed: [FAILED[1]],
      late: [],
      mergedLate: [],
      clipped: [],
      limited: [],
      figures: {},
    });
  });

  test('that is sealed says what is merged, and that nothing is waited for', async () => {
    const round = await answeredRound();
    await fail(round, 'ulm');
    await expect(closeRound(crashingBeforeCommit(round), ROUND)).rejects.toThrow('crash');

    expect(await statusOf(round, 'sealed')).toMatchObject({
      committedAt: undefined,
      updated: ['bonn', 'graz'],
      waitingFor: [],
      failed: FAILED,
      late: [],
      figures: {},
    });
  });

  test('that is committed has its figures, and names who came too late', async () => {
    const round = await answeredRound();
    const afterDeadline = { ...round.context, now: () => new Date(round.open.deadline) };
    expect(await closeRound(afterDeadline, ROUND)).toBe('committed');
    await answer(round, 'ulm', [7, 8]);

    const status = await statusOf(round, 'committed');

    expect(status).toMatchObject({
      committedAt: round.open.deadline,
      updated: ['bonn', 'graz'],
      waitingFor: [],
      failed: [FAILED[0]],
      figures: { loss: 1 },
    });
    expect(status.late).toEqual([
      { site: 'ulm', key: expect.stringContaining(federationKeys.siteUpdates(ROUND, 'ulm')), at: expect.any(String) },
    ]);
  });
});

test('a late answer names the next round if that has merged it', () => {
  const answer = (site: string) => ({ site, key: `updates/${site}`, at: '2026-03-02T08:00:00.000Z' });
  const round = (number: number, late: readonly string[], mergedLate: readonly string[]) =>
    ({ round: number, late: late.map(answer), mergedLate }) as unknown as RoundStatus;

  const rounds = withLateMerged([round(1, ['bonn', 'ulm'], []), round(2, ['bonn'], ['ulm']), round(3, ['ulm'], [])]);

  expect(rounds.map(({ late }) => late)).toEqual([
    [answer('bonn'), { ...answer('ulm'), mergedIn: 2 }],
    [answer('bonn')],
    [answer('ulm')],
  ]);
});
