import { expect, test } from 'vitest';
import { sweep } from '../../handlers/sweep.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
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
