import { describe, expect, test } from 'vitest';
import { federationKeys } from '../federation/keys.ts';
import type { Open, Update } from '../federation/schemas.ts';
import { keyOf, TEACHER_STAGE } from '../federation/testing.ts';
import { sendsDelta, updateFault } from './update-fault.ts';

const AT = { campaign: 'tavi', stage: TEACHER_STAGE.name, round: 2 };
const SHA = 'a'.repeat(64);
const OPEN: Open = {
  schema: 'fedcardio.open/1',
  ...AT,
  at: '2026-03-02T08:00:00.000Z',
  deadline: '2026-03-03T08:00:00.000Z',
  config: TEACHER_STAGE,
  seed: 0,
  base: { commit: SHA, key: keyOf('k'), sha256: 'b'.repeat(64), bytes: 8, state: null },
  participants: [{ site: 'berlin', samples: 5, summary: '' }],
  quorum: 1,
  previous: SHA,
};
const UPDATE = {
  schema: 'fedcardio.update/1',
  ...AT,
  site: 'berlin',
  at: '2026-03-02T09:00:00.000Z',
  status: 'ok',
  samples: 5,
  weights: { key: federationKeys.updateWeights(AT, 'berlin', SHA), sha256: SHA, bytes: 100, delta: false },
  base: 'b'.repeat(64),
  figures: {},
  seconds: 1,
} as const satisfies Update;

const faultOf = (change: Partial<Update>, listed: number | undefined = 100, open: Open = OPEN) =>
  updateFault({ ...UPDATE, ...change } as Update, open, { site: 'berlin', weightsBytes: listed });
const withEncoding = (delta: boolean): Open => ({
  ...OPEN,
  config: { ...TEACHER_STAGE, encoding: { dtype: 'F16', delta } },
});

describe('updateFault', () => {
  test('accepts an update that fits the terms', () => {
    expect(faultOf({})).toBeUndefined();
    expect(faultOf({ weights: { ...UPDATE.weights, delta: true } }, 100, withEncoding(true))).toBeUndefined();
  });

  test.each<[string, Partial<Update>, RegExp]>([
    ['another round', { round: 1 }, /for tavi\/teacher\/hinge-points\/1 of berlin, its key says otherwise/],
    ['another stage', { stage: 'student' }, /its key says otherwise/],
    ['another campaign', { campaign: 'other' }, /its key says otherwise/],
    ['another site', { site: 'munich' }, /its key says otherwise/],
    ['another base', { base: 'c'.repeat(64) }, /the update started from c+, the round from b+/],
    ['no base', { base: null }, /the update started from no model/],
    ['no weights', { weights: null }, /no weights/],
    [
      'weights under another key',
      { weights: { ...UPDATE.weights, key: keyOf('elsewhere') } },
      /the weights are at elsewhere/,
    ],
    ['weights of another length', { weights: { ...UPDATE.weights, bytes: 99 } }, /have 100 bytes, .* says 99/],
    ['a difference instead of whole weights', { weights: { ...UPDATE.weights, delta: true } }, /whole weights were/],
  ])('refuses %s', (_, change, reason) => {
    expect(faultOf(change)).toMatch(reason);
  });

  test('refuses weights that are missing, too large, or whole instead of a difference', () => {
    const small = { ...TEACHER_STAGE, aggregation: { ...TEACHER_STAGE.aggregation, maxUpdateBytes: 99 } };
    const missing = updateFault(UPDATE, OPEN, { site: 'berlin', weightsBytes: undefined });
    expect(missing).toMatch(/have no bytes/);
    expect(faultOf({}, 100, { ...OPEN, config: small })).toMatch(/100 bytes, 99 are allowed/);
    expect(faultOf({}, 100, withEncoding(true))).toMatch(/a difference was asked for/);
  });

  test('refuses a site that is not a participant, and weights for a stage that merges none', () => {
    const other = { site: 'munich', weightsBytes: 100 };
    expect(updateFault({ ...UPDATE, site: 'munich' }, OPEN, other)).toBe('munich takes no part in this round');
    const evaluate: Open['config'] = {
      kind: 'evaluate',
      name: AT.stage,
      after: [],
      quorum: TEACHER_STAGE.quorum,
      compare: [],
      models: { teacher: 'teacher' },
    };
    expect(faultOf({}, 100, { ...OPEN, config: evaluate })).toBe('stage teacher/hinge-points merges no weights');
  });
});

test('sendsDelta is true only with a base', () => {
  expect(sendsDelta(withEncoding(true))).toBe(true);
  expect(sendsDelta({ ...withEncoding(true), base: null })).toBe(false);
  expect(sendsDelta(OPEN)).toBe(false);
});
