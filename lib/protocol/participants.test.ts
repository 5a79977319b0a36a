import { describe, expect, test } from 'vitest';
import { collect } from '../async.ts';
import { federationKeys } from '../federation/keys.ts';
import type { Stage, Summary } from '../federation/schemas.ts';
import { TEACHER_STAGE } from '../federation/testing.ts';
import type { FederationStore } from '../storage/contract.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { ableSite, suspicions } from './participants.ts';

const summary = (site: string, suspected?: number): Summary => ({
  schema: 'fedcardio.summary/1',
  site,
  at: '2026-01-01T00:00:00.000Z',
  cases: { training: 3, evaluation: 1, rejected: 0, ...(suspected !== undefined && { suspected }) },
  labelled: {},
  labelledEvaluation: {},
});

test('suspected pairs are found by site, whatever other summaries hold', async () => {
  const federationStore: FederationStore = createMemoryStorage()('federation');
  const put = (site: string, text: string) => federationStore.put(federationKeys.summary(site), Buffer.from(text));
  await put('berlin', JSON.stringify(summary('berlin', 2)));
  await put('hamburg', JSON.stringify(summary('hamburg')));
  await put('munich', '{"cases":');
  await put('goettingen', JSON.stringify({ ...summary('goettingen', 9), schema: 'fedcardio.summary/9' }));
  await put('muenster', JSON.stringify(summary('berlin', 7)));
  await put('greifswald', JSON.stringify(summary('greifswald', 5)) + ' '.repeat(2 ** 20));
  const log = () => undefined;

  const found = await suspicions(
    { federation: { id: 'f' }, federationStore, now: () => new Date(0), log },
    await collect(federationStore.list(federationKeys.summaryPrefix)),
  );

  expect(found).toEqual([{ site: 'berlin', pairs: 2 }]);
});

describe('a site takes part', () => {
  const labelled = (count: number) => ({ ...summary('berlin', 2), labelled: { 'hinge-points': count } });
  async function able(stage: Stage, value: object) {
    const federationStore: FederationStore = createMemoryStorage()('federation');
    const logged: object[] = [];
    const { etag } = await federationStore.put(federationKeys.summary('berlin'), JSON.stringify(value));
    const context = {
      ...{ federation: { id: 'f' }, federationStore, now: () => new Date(0) },
      log: (event: string, fields: object) => void logged.push({ event, ...fields }),
    };
    return { sites: await ableSite(context, 'tavi', stage, 'berlin', 100), logged, etag };
  }

  test('with the cases that it counts, at most a billion', async () => {
    const { sites, logged, etag } = await able(TEACHER_STAGE, labelled(1e9));

    expect(sites).toEqual([{ site: 'berlin', samples: 1e9, summary: etag }]);
    expect(logged).toEqual([]);
    const more = await able(TEACHER_STAGE, labelled(1e9 + 1));
    expect(more.sites).toEqual([]);
    expect(more.logged).toEqual([
      { event: 'summary-unreadable', site: 'berlin', reason: 'It counts 1000000001 cases, 1000000000 are allowed.' },
    ]);
  });

  test('not without any, nor with the summary of another site', async () => {
    expect((await able(TEACHER_STAGE, labelled(0))).sites).toEqual([]);
    expect((await able(TEACHER_STAGE, { ...labelled(3), site: 'bonn' })).sites).toEqual([]);
  });
});

test('only summaries are read for suspected pairs', async () => {
  const federationStore: FederationStore = createMemoryStorage()('federation');
  await federationStore.put(federationKeys.consent('berlin', 'tavi'), JSON.stringify(summary('berlin', 2)));
  const context = { federation: { id: 'f' }, federationStore, now: () => new Date(0), log: () => undefined };

  expect(await suspicions(context, await collect(federationStore.list(federationKeys.summaryPrefix)))).toEqual([]);
});
