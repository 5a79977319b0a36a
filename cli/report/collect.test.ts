import { expect, test } from 'vitest';
import { sweep } from '../../handlers/sweep.ts';
import { federationKeys, siteKeys } from '../../lib/federation/keys.ts';
import { campaignWith, QUORUM } from '../../test/protocol/simulated-campaign.ts';
import { simulateFederation } from '../../test/protocol/simulated-federation.ts';
import { collectCampaign } from './collect.ts';

test.each([
  ['of a newer release', '{"schema":"fedcardio.summary/2","site":"munich"}'],
  ['of another site', '{"schema":"fedcardio.summary/1","site":"berlin"}'],
  ['that is no JSON', '{'],
])('a summary %s stops no report', async (_, summary) => {
  const { context, upload } = simulateFederation(
    ['berlin', 'munich'].map((id) => ({ id, samples: 3, behaviour: 'good' })),
  );
  await upload(campaignWith(QUORUM));
  await sweep(context);
  await context.federationStore.put(federationKeys.summary('munich'), summary);

  const { sites } = await collectCampaign({ ...context, campaign: 'tavi' });

  expect(sites.map(({ id, cases }) => [id, cases.training > 0])).toEqual([
    ['berlin', true],
    ['munich', false],
  ]);
});

test.each([
  ['of a newer release', '{"schema":"fedcardio.rejected/2"}'],
  ['that is no JSON', '{'],
])('a rejection %s hides no other one', async (_, rejection) => {
  const { context, upload } = simulateFederation([{ id: 'berlin', samples: 3, behaviour: 'good' }]);
  await upload(campaignWith(QUORUM));
  await sweep(context);
  const site = context.siteStore('berlin');
  const objects = [{ key: siteKeys.image('training', 'p2'), code: 'BAD_IMAGE', reason: 'It is empty.' }];
  const at = '2026-03-02T08:00:00.000Z';
  await site.put(siteKeys.rejected('p1'), rejection);
  const other = { schema: 'fedcardio.rejected/1', site: 'berlin', case: 'p2', at, objects };
  await site.put(siteKeys.rejected('p2'), JSON.stringify(other));

  const { rejected, unreadSites } = await collectCampaign({ ...context, campaign: 'tavi' });

  expect(rejected).toEqual([{ site: 'berlin', key: siteKeys.image('training', 'p2'), reason: 'It is empty.' }]);
  expect(unreadSites).toEqual([]);
});
