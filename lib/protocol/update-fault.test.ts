import { describe, expect, test } from 'vitest';
import { federationKeys } from '../federation/keys.ts';
import type { Open, RoundPrivacy, Update, UpdatePrivacy } from '../federation/schemas.ts';
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

describe('updateFault of a round without weights', () => {
  const validating: Open = {
    ...OPEN,
    round: 9,
    config: { ...TEACHER_STAGE, rounds: 8, validate: { keep: 'best', minDelta: 0 } },
  };

  test('refuses weights in the last round of a stage that validates, and accepts a report without', () => {
    expect(faultOf({ round: 9 }, 100, validating)).toBe(`stage ${AT.stage} merges no weights in its last round`);
    expect(faultOf({ round: 9, weights: null }, undefined, validating)).toBeUndefined();
  });

  test('still refuses a report on another model', () => {
    expect(faultOf({ round: 9, weights: null, base: 'c'.repeat(64) }, undefined, validating)).toMatch(
      /started from c+/,
    );
  });
});

test('updateFault gives the code and the reason of a GPU task that failed', () => {
  const { schema, campaign, stage, round, site, at } = UPDATE;
  const failed: Update = {
    ...{ schema, campaign, stage, round, site, at },
    status: 'failed',
    code: 'NO_CASES',
    reason: 'None.',
  };

  expect(updateFault(failed, OPEN, { site: 'berlin', weightsBytes: undefined })).toBe('NO_CASES: None.');
});

test('updateFault accepts an update of as many bytes as are allowed', () => {
  const config = { ...TEACHER_STAGE, aggregation: { ...TEACHER_STAGE.aggregation, maxUpdateBytes: 100 } };

  expect(faultOf({}, 100, { ...OPEN, config })).toBeUndefined();
});

describe('updateFault of masked updates', () => {
  const secure = { threshold: 3 } as NonNullable<Open['secure']>;
  const masked = {
    secure: {} as Update extends { secure?: infer S } ? S : never,
    weights: { ...UPDATE.weights, delta: true },
  };

  test('accepts one where the round asks for it, which is a difference even without a base', () => {
    expect(faultOf(masked, 100, { ...OPEN, secure })).toBeUndefined();
    expect(faultOf({ ...masked, base: null }, 100, { ...OPEN, secure, base: null })).toBeUndefined();
  });

  test('refuses one where plain weights were asked for, and plain weights where one was', () => {
    expect(faultOf({ ...masked, weights: UPDATE.weights })).toBe('the update is masked, plain weights were asked for');
    expect(faultOf({ weights: masked.weights }, 100, { ...OPEN, secure })).toBe('the update is not masked');
  });
});

describe('updateFault of updates with differential privacy', () => {
  const central: RoundPrivacy = { noise: 'central', clip: 1, noiseMultiplier: 2, sites: 4 };
  const secure = { threshold: 5 } as NonNullable<Open['secure']>;
  const privateFault = (terms: Partial<RoundPrivacy> | undefined, privacy?: UpdatePrivacy) =>
    faultOf({ ...(privacy && { privacy }) }, 100, { ...OPEN, ...(terms && { privacy: { ...central, ...terms } }) });

  test('accepts what the round asks for: noise of the coordinator, of the site, and its count', () => {
    expect(privateFault({}, { clip: 1, noiseMultiplier: 0 })).toBeUndefined();
    expect(privateFault({ noise: 'local' }, { clip: 1, noiseMultiplier: 2 })).toBeUndefined();
    for (const clipped of [true, false]) {
      expect(privateFault({ countSigma: 1 }, { clip: 1, noiseMultiplier: 0, clipped })).toBeUndefined();
    }
  });

  test.each<[string, Partial<RoundPrivacy> | undefined, UpdatePrivacy | undefined, string]>([
    ['of a release without it', {}, undefined, 'the update was not clipped to 1'],
    ['clipped to another norm', {}, { clip: 2, noiseMultiplier: 0 }, 'the update was not clipped to 1'],
    ['without its noise', { noise: 'local' }, { clip: 1, noiseMultiplier: 0 }, 'has noise of 0 times the clip, not 2'],
    ['with less noise', { noise: 'local' }, { clip: 1, noiseMultiplier: 1 }, 'has noise of 1 times the clip, not 2'],
    ['with noise of its own', {}, { clip: 1, noiseMultiplier: 2 }, 'has noise of 2 times the clip, not 0'],
    ['without a count', { countSigma: 1 }, { clip: 1, noiseMultiplier: 0 }, 'does not say whether it was clipped'],
    [
      'with a count that nobody asked for',
      {},
      { clip: 1, noiseMultiplier: 0, clipped: false },
      'must not say whether it was clipped',
    ],
    ['that nobody asked for', undefined, { clip: 1, noiseMultiplier: 0 }, 'was made private, the round is not'],
  ])('refuses one %s', (_, terms, privacy, reason) => {
    expect(privateFault(terms, privacy)).toContain(reason);
  });

  test('asks for a share of the noise such that the fewest updates of a masked sum but one have all of it', () => {
    const terms: Open = { ...OPEN, secure, privacy: { ...central, noise: 'distributed' } };
    const sent = (noiseMultiplier: number) => {
      const weights = { ...UPDATE.weights, delta: true };
      return faultOf({ secure: {}, weights, privacy: { clip: 1, noiseMultiplier } } as Partial<Update>, 100, terms);
    };

    // 2 / √(5 − 1)
    expect(sent(1)).toBeUndefined();
    expect(sent(0.9)).toContain('has noise of 0.9 times the clip, not 1');
    expect(sent(2)).toContain('has noise of 2 times the clip, not 1');
  });
});

describe('updateFault of updates trained with DP-SGD', () => {
  const dpSgd = { clip: 1, noiseMultiplier: 2 };
  const trained = (asked: object | undefined, sent: object | undefined) =>
    faultOf({ ...(sent && { dpSgd: sent }) } as Partial<Update>, 100, {
      ...OPEN,
      config: { ...TEACHER_STAGE, training: { ...TEACHER_STAGE.training, ...(asked && { dpSgd: asked }) } },
    } as Open);

  test('accepts the clip and the noise of the stage', () => {
    expect(trained(dpSgd, dpSgd)).toBeUndefined();
  });

  test.each<[string, object | undefined, object | undefined, string]>([
    ['without it', dpSgd, undefined, 'was not trained with DP-SGD'],
    ['with less noise', dpSgd, { ...dpSgd, noiseMultiplier: 1 }, 'was trained with DP-SGD, and the stage asks'],
    ['with a larger clip', dpSgd, { ...dpSgd, clip: 3 }, 'was trained with DP-SGD, and the stage asks'],
    ['that nobody asked for', undefined, dpSgd, 'was trained with DP-SGD, and the stage asks'],
  ])('refuses one %s', (_, asked, sent, reason) => {
    expect(trained(asked, sent)).toContain(reason);
  });
});

test('sendsDelta is true only with a base', () => {
  expect(sendsDelta(withEncoding(true))).toBe(true);
  expect(sendsDelta({ ...withEncoding(true), base: null })).toBe(false);
  expect(sendsDelta(OPEN)).toBe(false);
});
