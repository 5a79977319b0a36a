import { expect, test } from 'vitest';
import { federationKeys } from '../../../lib/federation/keys.ts';
import type { Federation } from '../../../lib/federation/schemas.ts';
import { names } from '../../../lib/federation/topology.ts';
import { createMemoryStorage } from '../../../lib/storage/testing-objects.ts';
import { forecastSchema } from '../../../page/api/operations.ts';
import { campaignDocuments } from '../../../test/helpers/campaign-documents.ts';
import { generatedFederation, putAll } from '../../../test/helpers/documents.ts';
import { resultDocuments } from '../../../test/helpers/result-documents.ts';
import { createPageContext } from '../context.ts';
import { forecast } from './forecast.ts';

const DECLARED = generatedFederation(3);

async function forecastOf(declared: Federation | undefined = DECLARED) {
  const openBucket = createMemoryStorage();
  const store = openBucket(names.federationBucket('fedcardio'));
  const sites = DECLARED.sites.map(({ id }) => id);
  await putAll(store, campaignDocuments({ id: 'runs', sites, rounds: 4 }));
  await putAll(
    store,
    resultDocuments('ended', { 'site-0001': [{ model: 's', task: 'hinge-points', errors: { 'hinge-right': [1] } }] }),
  );
  await store.put(
    federationKeys.outcome('ended'),
    JSON.stringify({
      schema: 'fedcardio.outcome/1',
      campaign: 'ended',
      status: 'cancelled',
      at: '2026-03-02T09:00:00Z',
    }),
  );
  await store.put(federationKeys.campaign('uploaded'), '{}');
  const context = createPageContext({ openBucket, id: 'fedcardio', declared });
  return forecastSchema.parse(await forecast(context, { params: {}, query: undefined, body: undefined }));
}

test('an idle month is the sum of its lines, none of which is free', async () => {
  const { idle } = (await forecastOf()).estimate ?? {};
  const lines = idle?.lines ?? [];

  expect(lines.length).toBeGreaterThan(1);
  expect(Math.min(...lines.map(({ usd }) => usd))).toBeGreaterThan(0);
  expect(idle?.usd).toBeCloseTo(
    lines.reduce((sum, { usd }) => sum + usd, 0),
    9,
  );
});

test('campaigns that run are estimated, those that have ended or have no plan are not', async () => {
  const campaigns = (await forecastOf()).estimate?.campaigns ?? [];

  expect(campaigns.map(({ campaign }) => campaign)).toEqual(['runs']);
  // All its rounds have opened.
  expect(campaigns[0]?.usd).toBeGreaterThan(0);
  expect(campaigns[0]?.usd).toBe(campaigns[0]?.usdTotal);
});

test('more sites cost more', async () => {
  const [few, many] = [await forecastOf(), await forecastOf(generatedFederation(30))];

  expect(many.estimate?.idle.usd).toBeGreaterThan(few.estimate?.idle.usd ?? Infinity);
});

test('without federation.json nothing is estimated, and the answer says what to do', async () => {
  const openBucket = createMemoryStorage();
  const context = createPageContext({ openBucket, id: 'fedcardio', declared: undefined });

  const answer = await forecast(context, { params: {}, query: undefined, body: undefined });

  expect(answer).toEqual({ noCost: expect.stringContaining('--federation federation.json') });
});
