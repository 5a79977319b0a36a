import { describe, expect, test } from 'vitest';
import { FedcardioError } from '../error.ts';
import { type FederationKey, federationKeys } from '../federation/keys.ts';
import type { Stage } from '../federation/schemas.ts';
import { keyOf } from '../federation/testing.ts';
import type { FederationStore } from '../storage/contract.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { PERMANENT, withUnreadable } from '../storage/testing-unreadable.ts';
import type { RoundState, StageState } from './state.ts';
import { type Notice, type SealedRound, withdrawnIn, withdrawnSince } from './withdrawals.ts';

const sha = (name: string) => Buffer.from(name.padEnd(32, '-')).toString('hex');
const update = (site: string, name: string) =>
  ({ site, sha256: sha(`${name} metadata`), weights: { sha256: sha(name) } }) as SealedRound['seal']['updates'][number];
const round = (number: number, ...updates: SealedRound['seal']['updates']): SealedRound => ({
  round: number,
  seal: { updates },
});
const notice = (site: string, ...updates: string[]): Notice => ({ site, updates: new Set(updates.map(sha)) });
const stage = (kind: string, name: string, fields: object = {}) =>
  ({ kind, name, after: [], ...fields }) as unknown as Stage;

const STAGES = [
  {
    stage: stage('teacher', 'teacher'),
    rounds: [round(1, update('a', 'a1'), update('b', 'b1')), round(2, update('a', 'a2')), round(3, update('b', 'b3'))],
  },
  { stage: stage('pseudo-label', 'label', { teachers: ['teacher'] }), rounds: [round(1)] },
  { stage: stage('student', 'student', { pseudoLabels: 'label' }), rounds: [round(1, update('b', 'b4'))] },
  {
    stage: stage('student', 'control', { after: ['teacher'] }),
    rounds: [round(1, update('a', 'a5')), round(2, update('b', 'b5'))],
  },
];

test('a round counts the withdrawn cases of its updates, of earlier rounds, and of the stages that it is built on', () => {
  const affected = withdrawnIn([notice('a', 'a2'), notice('b', 'b3', 'b5'), notice('b', 'b3')], STAGES);

  expect(affected.map(({ stage: name, round: at, cases }) => `${name} ${at}: ${cases}`)).toEqual([
    'teacher 2: 1',
    'teacher 3: 3',
    'label 1: 3',
    'student 1: 3',
    'control 2: 1',
  ]);
});

test('a late update counts, one without weights is known by its metadata, and nobody names another site', () => {
  const late: SealedRound = { round: 2, seal: { updates: [update('a', 'a2')], late: [update('b', 'b1')] } };
  const report = { site: 'a', sha256: sha('report'), weights: null } as SealedRound['seal']['updates'][number];
  const stages = [
    { stage: stage('teacher', 'teacher'), rounds: [round(1, update('a', 'a1')), late] },
    { stage: stage('evaluate', 'evaluate', { models: {} }), rounds: [round(1, report)] },
  ];

  expect(withdrawnIn([notice('b', 'b1', 'a1')], stages)).toEqual([{ stage: 'teacher', round: 2, cases: 1 }]);
  expect(withdrawnIn([notice('a', 'report')], stages)).toEqual([{ stage: 'evaluate', round: 1, cases: 1 }]);
});

describe('the affected rounds of a campaign', () => {
  const LONGEST = 8 * 1024 * 1024;
  const at = (number: number) => ({ campaign: 'c', stage: 'teacher', round: number });
  const noticeKey = (site: string, id = '1') => federationKeys.withdrawal(site, id);

  /** Two committed rounds and one that is sealed, of which the update of site a is named `a1`, `a2`, `a3`. */
  async function campaign() {
    const store: FederationStore = createMemoryStorage()('heart');
    for (const number of [1, 2, 3]) {
      const updates = [{ site: 'a', key: keyOf('u'), sha256: sha(`a${number}`), samples: 1, weights: null }];
      const seal = {
        schema: 'fedcardio.seal/1',
        ...at(number),
        at: '2026-03-02T08:00:00.000Z',
        open: sha('o'),
        updates,
      };
      await store.put(federationKeys.seal(at(number)), JSON.stringify({ ...seal, failed: [] }));
    }
    const rounds = [1, 2, 3].map(
      (number): RoundState => ({ at: at(number), phase: number < 3 ? 'committed' : 'sealed', sentAt: undefined }),
    );
    const stages: readonly StageState[] = [
      { stage: stage('teacher', 'teacher'), rounds, current: rounds.at(-1), completed: false },
    ];
    const put = (key: FederationKey, body: object) => store.put(key, JSON.stringify(body));
    const names = (...updates: string[]) => ({ schema: 'fedcardio.withdrawal-notice/1', updates: updates.map(sha) });
    const reads: string[] = [];
    const reader: Pick<FederationStore, 'bucket' | 'tryGet'> = {
      bucket: store.bucket,
      tryGet: (key) => {
        reads.push(key);
        return store.tryGet(key);
      },
    };
    const since = (keys: readonly FederationKey[], bytes: readonly number[] = [], read = reader) =>
      withdrawnSince(
        read,
        stages,
        keys.map((key, i) => ({ key, bytes: bytes[i] ?? 9, etag: '', lastModified: new Date(0) })),
      );
    return { store, put, names, reads, reader, since };
  }

  test('are those that were committed, of the notices of all sites', async () => {
    const { put, names, since } = await campaign();
    await put(noticeKey('a'), names('a2', 'a3'));
    await put(noticeKey('b'), names('a1'));

    const found = await since([noticeKey('a'), noticeKey('b'), keyOf('sites/a/summary.json')]);

    expect(found).toEqual([{ stage: 'teacher', round: 2, cases: 1 }]);
  });

  test('are not read without a notice, or before there is a stage', async () => {
    const { put, names, since, reads, reader } = await campaign();
    await put(noticeKey('a'), names('a1'));

    expect(await since([keyOf('sites/a/summary.json')])).toEqual([]);
    expect(await withdrawnSince(reader, [], [])).toEqual([]);
    expect(reads).toEqual([]);
  });

  test.each(PERMANENT)(
    'do not change with a notice that the storage never hands out, and others count: %s',
    async (refusal) => {
      const { put, names, since, store } = await campaign();
      await put(noticeKey('a', '1'), names('a1'));
      await put(noticeKey('a', '2'), names('a2'));
      const read = withUnreadable(store, (key) => (key === noticeKey('a', '1') ? refusal : undefined));

      expect(await since([noticeKey('a', '1'), noticeKey('a', '2')], [], read)).toEqual([
        { stage: 'teacher', round: 2, cases: 1 },
      ]);
    },
  );

  test.each<[string, object, number?]>([
    ['is longer than is read', {}, LONGEST + 1],
    ['is of a newer release', { schema: 'fedcardio.withdrawal-notice/2' }],
    ['is none', { updates: 'all' }],
  ])('do not change with a notice that %s, and others count', async (_, fields, bytes = 9) => {
    const { put, names, since } = await campaign();
    await put(noticeKey('a', '1'), { ...names('a1'), ...fields });
    await put(noticeKey('a', '2'), names('a2'));

    const found = await since([noticeKey('a', '1'), noticeKey('a', '2')], [bytes]);

    expect(found).toEqual([{ stage: 'teacher', round: 2, cases: 1 }]);
  });

  test('count a notice of the greatest length, and pass over one that is gone', async () => {
    const { put, names, since } = await campaign();
    await put(noticeKey('a'), names('a2'));

    expect(await since([noticeKey('a'), noticeKey('b')], [LONGEST])).toEqual([
      { stage: 'teacher', round: 2, cases: 1 },
    ]);
  });

  test('are not told during an outage', async () => {
    const { since, reader } = await campaign();
    const tryGet = async () => {
      throw new FedcardioError('STORAGE', 'Cannot read.');
    };

    await expect(since([noticeKey('a')], [], { ...reader, tryGet })).rejects.toThrow('Cannot read.');
  });
});
