import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { planSchema, policySchema } from '../../federation/schemas.ts';
import { consentDocument } from '../../federation/testing.ts';
import { parseJson } from '../../json.ts';
import { firstAnswer, obstacleOf, termsOf } from './terms.ts';

const NOW = new Date('2026-03-02T08:00:00.000Z');
const SHA = '1'.repeat(64);
const plan = parseJson(
  readFileSync(new URL('../../../docs/events/plan.json', import.meta.url)),
  planSchema,
  'plan.json',
);
const policy = (fields: object) =>
  policySchema.parse({
    schema: 'fedcardio.policy/1',
    site: 'berlin',
    mode: 'standing',
    by: 'DPO',
    at: NOW.toISOString(),
    ...fields,
  });
const answerOf = (fields: object | undefined) =>
  firstAnswer({ value: plan, sha256: SHA }, 'berlin', fields && policy(fields), NOW);

describe('the terms of a campaign', () => {
  test('name what is learnt, how often, and what leaves', () => {
    expect(termsOf(plan)).toEqual({
      purpose: null,
      privacy: null,
      stages: [
        {
          name: 'teacher/hinge-points',
          kind: 'teacher',
          tasks: ['hinge-points'],
          rounds: 2,
          leaves: ['weights', 'figures'],
        },
        { name: 'pseudo-label', kind: 'pseudo-label', tasks: ['hinge-points'], rounds: 1, leaves: ['figures'] },
        {
          name: 'student',
          kind: 'student',
          tasks: ['hinge-points'],
          rounds: expect.any(Number),
          leaves: ['weights', 'figures'],
        },
        { name: 'evaluate', kind: 'evaluate', tasks: ['hinge-points'], rounds: 1, leaves: ['figures', 'scores'] },
      ],
    });
  });
});

describe("a policy's answer", () => {
  test.each([
    ['a site without a policy asks', undefined, 'asked', undefined],
    ['ask asks', { mode: 'ask' }, 'asked', undefined],
    ['never declines', { mode: 'never' }, 'declined', undefined],
    ['standing agrees', {}, 'agreed', undefined],
    ['standing agrees to its tasks', { rules: { tasks: ['hinge-points'] } }, 'agreed', undefined],
    ['standing asks for other tasks', { rules: { tasks: ['calcification'] } }, 'asked', 'the task "hinge-points"'],
    ['standing asks for more rounds', { rules: { maxRounds: 1 } }, 'asked', 'has 2 rounds, the policy agrees to 1'],
    [
      'standing asks if protection lacks',
      { rules: { requires: ['secureAggregation'] } },
      'asked',
      'lacks secure aggregation',
    ],
  ])('%s', (_, fields, state, reason) => {
    const answer = answerOf(fields);

    expect(answer).toMatchObject({ state, plan: SHA, by: 'policy', campaign: 'tavi-1' });
    if (reason === undefined) expect(answer.reason).toBeUndefined();
    else expect(answer.reason).toContain(reason);
  });

  test('asks if the noise of the plan is less than its ε says', () => {
    const differentialPrivacy = {
      unit: 'site',
      clip: 1,
      delta: 1e-5,
      epsilon: 1,
      noise: 'central',
      sites: {},
    } as const;
    const answerWith = (noiseMultiplier: number) => {
      const privacy = { differentialPrivacy: { ...differentialPrivacy, noiseMultiplier } };
      const value = { ...plan, campaign: { ...plan.campaign, privacy } };
      return firstAnswer({ value, sha256: SHA }, 'berlin', policy({}), NOW);
    };

    expect(answerWith(1e-6)).toMatchObject({
      state: 'asked',
      reason: expect.stringContaining('more than the 1 asked'),
    });
    expect(answerWith(100)).toMatchObject({ state: 'agreed' });
  });

  test('ends after the days of the policy', () => {
    expect(answerOf({ days: 2 }).until).toBe('2026-03-04T08:00:00.000Z');
    expect(answerOf({ days: 2, mode: 'ask' }).until).toBeNull();
  });
});

describe('a consent is in force', () => {
  test.each([
    ['if it is agreed without end', {}, undefined],
    ['until its end', { until: '2026-03-02T08:00:00.001Z' }, undefined],
    [
      'not from its end on',
      { until: '2026-03-02T08:00:00.000Z' },
      'agreed to the campaign until 2026-03-02T08:00:00.000Z',
    ],
    ['not while a person is asked', { state: 'asked' }, 'has not answered yet whether it agrees to the campaign'],
    ['not if it is withdrawn', { state: 'withdrawn' }, 'has withdrawn its consent to the campaign'],
  ] as const)('%s', (_, fields, obstacle) => {
    expect(obstacleOf(consentDocument(fields), NOW)).toBe(obstacle);
  });

  test('for its own plan only', () => {
    const consent = consentDocument({});
    expect(obstacleOf(consent, NOW, consent.plan)).toBeUndefined();
    expect(obstacleOf(consent, NOW, '2'.repeat(64))).toBe('agreed to another plan of the campaign');
  });

  test('not without one', () => {
    expect(obstacleOf(undefined, NOW)).toContain('has not answered yet');
  });
});
