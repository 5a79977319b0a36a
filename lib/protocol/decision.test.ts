import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Open, Quorum } from '../federation/schemas.ts';
import { keyOf, TEACHER_STAGE } from '../federation/testing.ts';
import { type Answer, roundDecision } from './decision.ts';

const START = Date.parse('2026-03-02T08:00:00Z');
const atSecond = (seconds: number) => new Date(START + seconds * 1000);
const SITES = ['berlin', 'hamburg', 'heidelberg', 'munich'];

const QUORUM: Quorum = { minSites: 2, minFraction: 0.75, deadlineSeconds: 1000, closeAfterQuorumSeconds: 60 };
const OPEN: Open = {
  schema: 'fedcardio.open/1',
  campaign: 'c',
  stage: 'student',
  round: 3,
  at: atSecond(0).toISOString(),
  deadline: atSecond(1000).toISOString(),
  config: TEACHER_STAGE,
  seed: 0,
  participants: SITES.map((site) => ({ site, samples: 1, summary: '' })),
  quorum: 3,
  base: null,
  previous: '0'.repeat(64),
};
const answer = (site: string, seconds: number, fault?: string, id = 'a'): Answer => ({
  site,
  key: keyOf(`updates/${site}/${id}.update.json`),
  at: atSecond(seconds),
  fault,
});
const decide = (answers: readonly Answer[], seconds: number, quorum = QUORUM) =>
  roundDecision(OPEN, quorum, answers, atSecond(seconds));
const sites = (answers: readonly Answer[]) => answers.map(({ site }) => site);

describe('roundDecision', () => {
  test('waits for the deadline without quorum', () => {
    expect(decide([answer('munich', 10), answer('berlin', 20)], 999)).toEqual({ kind: 'wait', until: atSecond(1000) });
  });

  test('waits for closeAfterQuorumSeconds after the update that reached quorum', () => {
    const answers = [answer('berlin', 30), answer('hamburg', 10), answer('munich', 20)];

    expect(decide(answers, 89)).toEqual({ kind: 'wait', until: atSecond(90) });
    expect(decide(answers, 90)).toMatchObject({ kind: 'seal', accepted: answers, failed: [] });
  });

  test('waits for the deadline at most, if the quorum was reached shortly before it', () => {
    const answers = [answer('berlin', 970), answer('hamburg', 10), answer('munich', 20)];

    expect(decide(answers, 999)).toEqual({ kind: 'wait', until: atSecond(1000) });
    expect(decide(answers, 1000).kind).toBe('seal');
  });

  test('closes at quorum if closeAfterQuorumSeconds is 0, even if the storage clock is ahead', () => {
    const answers = [answer('berlin', 30), answer('hamburg', 30), answer('munich', 30)];
    expect(decide(answers, 29, { ...QUORUM, closeAfterQuorumSeconds: 0 }).kind).toBe('seal');
  });

  test('closes once every participant has answered, usable or not', () => {
    const decision = decide(
      [answer('berlin', 1), answer('hamburg', 2), answer('heidelberg', 3, 'no GPU'), answer('munich', 4, 'NaN')],
      5,
    );

    expect(decision).toMatchObject({
      kind: 'seal',
      failed: [{ site: 'heidelberg' }, { site: 'munich', fault: 'NaN' }],
    });
  });

  test('closes at the deadline with the usable updates', () => {
    expect(decide([answer('munich', 10), answer('berlin', 20)], 1000).kind).toBe('seal');
  });

  test('fails at the deadline below minSites, and names failed and missing sites', () => {
    expect(decide([answer('munich', 10), answer('berlin', 20, 'no GPU')], 1000)).toEqual({
      kind: 'fail',
      reason:
        'Round 3 of student failed: 1 of 4 sites sent a usable update, 2 needed. berlin: no GPU; no answer from hamburg, heidelberg by 2026-03-02T08:16:40.000Z.',
    });
  });

  test('fails at once if every participant has failed', () => {
    expect(
      decide(
        SITES.map((site) => answer(site, 1, 'no GPU')),
        2,
      ),
    ).toMatchObject({ kind: 'fail' });
  });

  test('accepts the first usable update of a site, even after a failure', () => {
    const answers = SITES.flatMap((site) => [
      answer(site, 1, 'no GPU', 'a'),
      answer(site, 2, undefined, 'b'),
      answer(site, 3, undefined, 'c'),
    ]);
    const decision = decide(answers, 4);

    expect(decision.kind === 'seal' && decision.accepted.map(({ key }) => key)).toEqual(
      SITES.map((site) => `updates/${site}/b.update.json`),
    );
  });

  test('ignores sites that are not participants', () => {
    const strangers = ['x', 'y', 'z'].map((site) => answer(site, 1));
    expect(decide([...strangers, answer('berlin', 1)], 500).kind).toBe('wait');
    expect(decide([...strangers, answer('berlin', 1)], 1000).kind).toBe('fail');
  });

  test('always closes by the deadline, seals at least minSites updates, each site once, sorted', () => {
    const answers = fc.array(
      fc
        .tuple(
          fc.constantFrom(...SITES, 'stranger'),
          fc.integer({ min: 0, max: 1200 }),
          fc.option(fc.constant('bad'), { nil: undefined }),
          fc.constantFrom('a', 'b'),
        )
        .map(([site, seconds, fault, id]) => answer(site, seconds, fault, id)),
      { maxLength: 10 },
    );
    fc.assert(
      fc.property(answers, fc.integer({ min: 0, max: 1500 }), (list, seconds) => {
        const decision = decide(list, seconds);
        if (seconds >= 1000) expect(decision.kind).not.toBe('wait');
        if (decision.kind === 'wait') expect(decision.until.getTime()).toBeGreaterThan(atSecond(seconds).getTime());
        if (decision.kind !== 'seal') return;
        expect(decision.accepted.length).toBeGreaterThanOrEqual(QUORUM.minSites);
        const named = sites(decision.accepted);
        expect(named).toEqual([...new Set(named)].sort());
        expect([...named, ...sites(decision.failed)].every((site) => SITES.includes(site))).toBe(true);
      }),
    );
  });
});
