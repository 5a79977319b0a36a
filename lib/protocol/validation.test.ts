import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { federationKeys } from '../federation/keys.ts';
import { campaignSchema, type Open, type Plan, type Seal } from '../federation/schemas.ts';
import { keyOf, TEACHER_STAGE } from '../federation/testing.ts';
import { nextActions } from './actions.ts';
import { planCampaign } from './plan.ts';
import { campaignState } from './state.ts';
import { keptModel, pooledLoss, reportOf, roundAfter, type Validation, validationAfter } from './validation.ts';

const HASH = 'a'.repeat(64);
const at = (round: number) => ({ campaign: 'c', stage: 'teacher', round });
const modelOf = (round: number) => ({ key: federationKeys.global(at(round), 'digest'), sha256: HASH, bytes: round });
const STAGE = { ...TEACHER_STAGE, name: 'teacher', rounds: 4 };
const validating = (validate: object) => ({ ...STAGE, validate: { keep: 'best' as const, minDelta: 0, ...validate } });

type Report = readonly [loss: number, cases: number];
const updatesOf = (reports: readonly (Report | undefined)[]): Seal['updates'] =>
  reports.map((report, index) => ({
    site: `site-${index}`,
    key: keyOf(`u${index}`),
    sha256: HASH,
    samples: 1,
    weights: null,
    ...(report && { validation: { loss: report[0], cases: report[1] } }),
  }));
const openOf = (round: number, config: Open['config'], validation?: Validation): Open =>
  ({
    ...at(round),
    config,
    base: round === 1 ? null : { commit: HASH, ...modelOf(round - 1), state: null },
    ...(validation && { validation }),
  }) as unknown as Open;

/** What validation finds after rounds 2, 3, … with one report each. */
function validations(config: Open['config'], losses: readonly (number | undefined)[]): readonly Validation[] {
  const found: Validation[] = [];
  for (const [index, loss] of losses.entries()) {
    const updates = updatesOf([loss === undefined ? undefined : [loss, 3]]);
    found.push(validationAfter(openOf(index + 2, config, found.at(-1)), updates) as Validation);
  }
  return found;
}

describe('pooledLoss', () => {
  test('is the mean over the cases of one or two sites', () => {
    expect(pooledLoss(updatesOf([[0.5, 3]]))).toBe(0.5);
    expect(pooledLoss(updatesOf([[0, 3], undefined, [1, 1]]))).toBe(0.25);
    expect(pooledLoss(updatesOf([undefined]))).toBeUndefined();
    expect(pooledLoss([])).toBeUndefined();
  });

  test('is between the losses of the other sites, whatever one of three or more reports', () => {
    const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    const report = fc.tuple(finite, fc.integer({ min: 1, max: 1e9 }));
    fc.assert(
      fc.property(fc.array(report, { minLength: 2, maxLength: 9 }), report, (honest, hostile) => {
        const loss = pooledLoss(updatesOf([...honest, hostile])) as number;

        const losses = honest.map(([value]) => value);
        expect(loss).toBeGreaterThanOrEqual(Math.min(...losses) - 1e-3);
        expect(loss).toBeLessThanOrEqual(Math.max(...losses) + 1e-3);
      }),
    );
  });

  test('gives no site more than three times an equal share', () => {
    const even = Array.from({ length: 8 }, (): Report => [0.5, 10]);
    const all = [[0, 1], [1, 1], ...even.slice(1), [0.6, 1e9]] as const;

    // Eight sites are left of ten: three eighths of the weight at most.
    expect(pooledLoss(updatesOf(all))).toBeCloseTo(0.5 + 0.1 * (3 / 8), 9);
  });
});

describe('validationAfter', () => {
  test('is nothing for a stage that does not validate, and before there is a model', () => {
    expect(validationAfter(openOf(2, STAGE), updatesOf([[1, 1]]))).toBeUndefined();
    expect(validationAfter(openOf(1, validating({})), updatesOf([[1, 1]]))).toBeUndefined();
  });

  test('names the model that was scored, and the best one so far with its file', () => {
    const [first, second, third] = validations(validating({}), [0.9, 0.3, 0.5]);

    expect(first).toMatchObject({ scored: { round: 1, loss: 0.9, cases: 3, sites: 1 }, best: { round: 1 }, stale: 0 });
    expect(second?.best).toEqual({ round: 2, loss: 0.3, global: modelOf(2) });
    expect(third).toMatchObject({ scored: { round: 3 }, best: { round: 2 }, stale: 1, stops: false });
  });

  test.each([
    ['with patience 1, at the first model that is no better', { patience: 1 }, [0.9, 0.9], [false, true]],
    ['with patience 2, at the second in a row', { patience: 2 }, [0.9, 1, 0.8, 0.8], [false, false, false, false]],
    [
      'not in the last round, where there is nothing to stop',
      { patience: 2 },
      [0.9, 1, 1, 1],
      [false, false, true, false],
    ],
    ['when models are better by less than minDelta', { patience: 1, minDelta: 0.2 }, [0.9, 0.8], [false, true]],
    ['not for a round that no site scored', { patience: 1 }, [0.9, undefined, 0.8], [false, false, false]],
    ['never without patience', {}, [0.1, 1, 1, 1], [false, false, false, false]],
  ] as const)('stops %s', (_, validate, losses, stops) => {
    expect(validations(validating(validate), losses).map((found) => found.stops)).toEqual(stops);
  });
});

test('validation counts the sites that have reported, of a model whose key does not say its round', () => {
  const { base, ...open } = openOf(3, validating({}));
  const updates = updatesOf([[0.5, 3], undefined, [0.5, 4]]);

  const found = validationAfter({ ...open, base: base && { ...base, key: keyOf('start') } }, updates);

  expect(found?.scored).toEqual({ round: 2, loss: 0.5, cases: 7, sites: 2 });
});

describe('the report of an update', () => {
  const validation = { loss: 0.5, cases: 3 };

  test('counts where the stage validates the model of the round', () => {
    expect(reportOf(openOf(2, validating({})), { validation })).toBe(validation);
  });

  test('does not count where nobody has asked for it', () => {
    const evaluate = { kind: 'evaluate', name: 'teacher' } as Open['config'];

    expect(reportOf(openOf(2, STAGE), { validation })).toBeUndefined();
    expect(reportOf(openOf(1, validating({})), { validation })).toBeUndefined();
    expect(reportOf(openOf(2, evaluate), { validation })).toBeUndefined();
  });
});

describe('the last round of a stage that validates', () => {
  const last = (validate: object, losses: readonly (number | undefined)[]) => {
    const config = validating(validate);
    const before = validations(config, losses.slice(0, -1)).at(-1);
    return keptModel(
      openOf(5, config, before),
      updatesOf(losses.slice(-1).map((loss) => (loss === undefined ? undefined : [loss, 1]))),
    );
  };

  test('publishes the best model, which may be the last one', () => {
    expect(last({}, [0.5, 0.2, 0.3, 0.4])).toEqual(modelOf(2));
    expect(last({}, [0.5, 0.4, 0.3, 0.2])).toEqual(modelOf(4));
  });

  test('publishes the last model if it is asked to, or if no site has scored any', () => {
    expect(last({ keep: 'last' }, [0.1, 0.2, 0.3, 0.4])).toEqual(modelOf(4));
    expect(last({}, [undefined, undefined, undefined, undefined])).toEqual(modelOf(4));
  });

  test('follows the round that stops the stage', () => {
    const stopping = { scored: null, best: null, stale: 1, stops: true };

    expect(roundAfter(validating({}), { round: 2, validation: stopping })).toBe(5);
    expect(roundAfter(validating({}), { round: 2, validation: { ...stopping, stops: false } })).toBe(3);
    expect(roundAfter(STAGE, { round: 2 })).toBe(3);
  });
});

describe('the state of a stage that may stop early', () => {
  const planOf = (validate?: object): Plan => {
    const stages = [{ ...STAGE, ...(validate && { validate }) }];
    const campaign = campaignSchema.parse({
      schema: 'fedcardio.campaign/1',
      id: 'c',
      validation: { share: 0.2 },
      stages,
    });
    return planCampaign('c', { value: campaign, sha256: HASH }, new Date(0));
  };
  const listed = (rounds: readonly number[], unfinished: readonly number[] = []) =>
    [
      ...rounds.flatMap((round) => [federationKeys.open(at(round)), federationKeys.commit(at(round))]),
      ...unfinished.map((round) => federationKeys.open(at(round))),
    ].map((key) => ({ key, bytes: 1, etag: '', lastModified: new Date(0) }));
  const stateOf = (plan: Plan, ...of: Parameters<typeof listed>) => campaignState(plan, listed(...of)).stages[0];
  const roundsOfState = (state: ReturnType<typeof stateOf>) => state?.rounds.map((round) => round.at.round);

  test('has the last round after those that were trained', () => {
    const stopped = stateOf(planOf({ patience: 1 }), [1, 2, 3, 5]);

    expect(roundsOfState(stopped)).toEqual([1, 2, 3, 5]);
    expect(stopped?.completed).toBe(true);
    expect(stateOf(planOf({ patience: 1 }), [1, 2, 3], [5])?.completed).toBe(false);
  });

  test('has each round once if none is missing', () => {
    expect(roundsOfState(stateOf(planOf({ patience: 9 }), [1, 2, 3, 4, 5]))).toEqual([1, 2, 3, 4, 5]);
  });

  test('has rounds that were opened, with what was published of them last', () => {
    const objects = [
      ...[1, 2, 3].map((round) => federationKeys.open(at(round))),
      ...[1, 2, 4].map((round) => federationKeys.seal(at(round))),
      ...[1, 4].map((round) => federationKeys.commit(at(round))),
      federationKeys.summary('berlin'),
    ].map((key) => ({ key, bytes: 1, etag: '', lastModified: new Date(0) }));
    const { rounds = [] } = campaignState(planOf(), objects).stages[0] ?? {};

    expect(rounds.map((round) => [round.at.round, round.phase])).toEqual([
      [1, 'committed'],
      [2, 'sealed'],
      [3, 'open'],
    ]);
  });

  test('is complete only with the last round', () => {
    expect(stateOf(planOf({}), [1, 2, 3, 4])?.completed).toBe(false);
    expect(stateOf(planOf({}), [1, 2, 3, 4, 5])?.completed).toBe(true);
    expect(stateOf(planOf(), [1, 2, 3, 4])?.completed).toBe(true);
  });

  test('has no gap without patience', () => {
    expect(roundsOfState(stateOf(planOf({}), [1, 2, 5]))).toEqual([1, 2]);
    expect(roundsOfState(stateOf(planOf(), [1, 3]))).toEqual([1]);
  });

  test('opens the next round after a commit, and nothing after the last one', () => {
    const next = (...of: Parameters<typeof listed>) =>
      nextActions(campaignState(planOf({ patience: 1 }), listed(...of)), new Date(0), 900).map((action) =>
        'at' in action ? `${action.kind} ${action.at.round}` : action.kind,
      );

    expect(next([1, 2])).toEqual(['open 3']);
    expect(next([1, 2, 3, 4])).toEqual(['open 5']);
    expect(next([1, 2], [5])).toEqual(['send 5', 'close 5']);
    expect(next([1, 2, 5])).toEqual(['complete']);
  });
});
