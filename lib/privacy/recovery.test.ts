import { beforeAll, describe, expect, test } from 'vitest';
import { masksOf, type OpenedSecrets, recoverMasks } from './recovery.ts';
import { toBase64 } from './site-keys.ts';
import { commitmentOf } from './site-secrets.ts';
import { createCohort, sendUpdate, unmask, VALUES } from './testing-cohort.ts';

const TERMS = { range: 1, totalWeight: 100, sites: 5 };
const UPDATE = { values: new Float32Array(VALUES).fill(0.5), weights: { a: 2, b: 2, c: 2 } };
const WRONG = toBase64(new Uint8Array(32).fill(1));

/** A round of five sites with a threshold of three; sites 3 and 4 have dropped out, and the others have opened shares. */
async function answeredRound() {
  const cohort = createCohort(5);
  const at = { cohort: cohort.cohort, round: 1 };
  const entries = [0, 1, 2].map(async (i) => [i, await sendUpdate(cohort, at, i, UPDATE, TERMS)] as const);
  const { list, updates, keyShares, reveals, recovery } = unmask(
    cohort,
    at,
    new Map(await Promise.all(entries)),
    [0, 1, 2],
  );
  return { at, directory: cohort.directory, round: { list, updates, keyShares, reveals }, recovery };
}

type Answered = Awaited<ReturnType<typeof answeredRound>>;
let answered: Answered;
beforeAll(async () => {
  answered = await answeredRound();
});

const recovered = (change: Partial<Answered['round']>, directory = answered.directory) =>
  recoverMasks(answered.at, directory, { ...answered.round, ...change });

describe('the masks of a round', () => {
  test('are those of the opened secrets: one of each survivor, and one of each pair with a drop-out', () => {
    const { at, directory, round, recovery } = answered;

    expect(recovery).toMatchObject({ missing: [], faults: [] });
    expect(recovery.masks).toHaveLength(3 + 3 * 2);
    expect(masksOf(at, directory, round.list, recovery.secrets as OpenedSecrets)).toEqual(recovery.masks);
  });

  test('wait for shares below the threshold, and nobody is blamed', () => {
    expect(recovered({ reveals: answered.round.reveals.slice(1) })).toEqual({
      ...{ secrets: undefined, masks: undefined, faults: [] },
      missing: answered.at.cohort.sites,
    });
  });

  test('wait for one secret that one site has not opened, and nobody is blamed', () => {
    const [first, ...others] = answered.round.reveals as [Answered['round']['reveals'][number]];
    const { 'site-03': _, ...keys } = first.keys;

    expect(recovered({ reveals: [{ ...first, keys }, ...others] })).toMatchObject({ missing: ['site-03'], faults: [] });
  });

  test('wait for the update of a survivor and the key shares of a drop-out', () => {
    const { updates, keyShares } = answered.round;

    expect(recovered({ updates: updates.slice(1) })).toMatchObject({ masks: undefined, missing: ['site-00'] });
    expect(recovered({ keyShares: keyShares.slice(0, 4) })).toMatchObject({ masks: undefined, missing: ['site-04'] });
  });

  test('do not change with shares of a site outside of the cohort', () => {
    const [first] = answered.round.reveals as [Answered['round']['reveals'][number]];
    const stranger = { ...first, site: 'mallory' };

    expect(recovered({ reveals: [stranger, ...answered.round.reveals] })).toEqual(answered.recovery);
  });

  test('do not change with another update of a survivor, or a copy of its commitment', () => {
    const [first, second] = answered.round.updates as [
      Answered['round']['updates'][number],
      Answered['round']['updates'][number],
    ];
    const other = { ...first, commitment: commitmentOf(new Uint8Array(32)), digests: [] };
    const copy = { ...second, commitment: first.commitment };

    expect(recovered({ updates: [other, copy, ...answered.round.updates] })).toEqual(answered.recovery);
  });

  test('are not given with shares of another key than a drop-out has published, which is named', () => {
    const keys = answered.directory.get('site-04') as NonNullable<ReturnType<Answered['directory']['get']>>;
    const maskKeys = answered.directory.get('site-00')?.maskKeys ?? [];

    const recovery = recovered({}, new Map([...answered.directory, ['site-04', { ...keys, maskKeys }]]));

    expect(recovery).toEqual({
      ...{ secrets: undefined, masks: undefined, missing: ['site-04'] },
      faults: [{ site: 'site-04', reason: 'the shares of its mask key do not give its key' }],
    });
  });
});

describe('opened secrets', () => {
  test.each<[string, (secrets: OpenedSecrets) => Partial<OpenedSecrets>, string]>([
    [
      'without one of a survivor',
      ({ self: { 'site-01': _, ...self } }) => ({ self }),
      'site-01 is wrong: there is none',
    ],
    [
      'without one of a drop-out',
      ({ keys: { 'site-03': _, ...keys } }) => ({ keys }),
      'site-03 is wrong: there is none',
    ],
    [
      'with another of a survivor',
      ({ self }) => ({ self: { ...self, 'site-01': WRONG } }),
      'site-01 is wrong: the shares of its self mask do not give what it has committed to',
    ],
    [
      'with another of a drop-out',
      ({ keys }) => ({ keys: { ...keys, 'site-03': WRONG } }),
      'site-03 is wrong: the shares of its mask key do not give its key',
    ],
    [
      'with one that is not base64',
      ({ self }) => ({ self: { ...self, 'site-01': 'no base64' } }),
      'site-01 is wrong: there is none',
    ],
  ])('%s remove no mask', (_, change, reason) => {
    const { at, directory, round, recovery } = answered;
    const secrets = recovery.secrets as OpenedSecrets;

    expect(() => masksOf(at, directory, round.list, { ...secrets, ...change(secrets) })).toThrow(
      expect.objectContaining({ code: 'BAD_MESSAGE', message: expect.stringContaining(reason) }),
    );
  });
});
