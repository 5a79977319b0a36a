import { beforeEach, describe, expect, test } from 'vitest';
import { federationKeys } from '../../lib/federation/keys.ts';
import type { Federation, Open } from '../../lib/federation/schemas.ts';
import { TEACHER_STAGE } from '../../lib/federation/testing.ts';
import { names } from '../../lib/federation/topology.ts';
import { canonicalJson } from '../../lib/json.ts';
import { ableSites } from '../../lib/protocol/participants.ts';
import type { FederationStore } from '../../lib/storage/contract.ts';
import { createMemoryStorage } from '../../lib/storage/testing-objects.ts';

const SITES = ['berlin', 'hamburg', 'munich'];
const FEDERATION: Federation = {
  schema: 'fedcardio.federation/1',
  id: 'heart',
  sites: SITES.map((id) => ({ id, name: id })),
};

let store: FederationStore;
let reads: string[];
let logged: string[];
const context = {
  federation: FEDERATION,
  get federationStore() {
    const tryGet: FederationStore['tryGet'] = (key) => {
      reads.push(key);
      return store.tryGet(key);
    };
    return { ...store, tryGet };
  },
  now: () => new Date(),
  log: (event: string) => logged.push(event),
};

const count = (site: string, labelled: number, more = {}) => {
  const summary = {
    schema: 'fedcardio.summary/1',
    site,
    at: '2026-03-02T08:00:00.000Z',
    cases: { training: 9, evaluation: 1, rejected: 0 },
    labelled: { 'hinge-points': labelled },
    labelledEvaluation: {},
    ...more,
  };
  return store.put(federationKeys.summary(site), canonicalJson(summary));
};
const counts = (participants: Open['participants']) => participants.map(({ site, samples }) => `${site} ${samples}`);

beforeEach(async () => {
  store = createMemoryStorage()(names.federationBucket('heart'));
  reads = [];
  logged = [];
  await count('berlin', 4);
  await count('munich', 0);
});

describe('ableSites', () => {
  test('returns the sites of the federation that have what the stage needs', async () => {
    await count('stranger', 7);
    expect(counts([...(await ableSites(context, 'tavi', TEACHER_STAGE, undefined)).able])).toEqual(['berlin 4']);
  });

  test('counts the cases of smoke tests for smoke tests alone', async () => {
    await count('hamburg', 0, { smokeTests: 1 });
    const able = async (campaign: string) =>
      counts([...(await ableSites(context, campaign, TEACHER_STAGE, undefined)).able]);

    expect(await able('tavi')).toEqual(['berlin 4']);
    expect(await able('smoke-test-2026')).toEqual(['hamburg 1']);
  });

  test('reads only summaries that have changed since the previous round', async () => {
    await count('hamburg', 2);
    const first = [...(await ableSites(context, 'tavi', TEACHER_STAGE, undefined)).able];
    expect(reads).toHaveLength(3);
    reads = [];
    await count('hamburg', 3);

    const { able: second } = await ableSites(context, 'tavi', TEACHER_STAGE, { participants: first } as Open);

    expect(counts([...second])).toEqual(['berlin 4', 'hamburg 3']);
    expect(reads).toEqual([federationKeys.summary('hamburg'), federationKeys.summary('munich')]);
  });

  test('excludes only sites whose summary is unreadable or names another site', async () => {
    await store.put(federationKeys.summary('hamburg'), '{');
    const { body } = await store.get(federationKeys.summary('berlin'));
    await store.put(federationKeys.summary('munich'), body);

    expect(counts([...(await ableSites(context, 'tavi', TEACHER_STAGE, undefined)).able])).toEqual(['berlin 4']);
    expect(logged).toEqual(['summary-unreadable']);
  });
});
