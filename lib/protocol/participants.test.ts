import { expect, test } from 'vitest';
import { collect } from '../async.ts';
import { federationKeys } from '../federation/keys.ts';
import type { Summary } from '../federation/schemas.ts';
import type { FederationStore } from '../storage/contract.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { suspicions } from './participants.ts';

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
