import { expect, test } from 'vitest';
import { campaignSchema, federationSchema } from '../../lib/federation/schemas.ts';
import { TEACHER_STAGE } from '../../lib/federation/testing.ts';
import { storesOf } from '../../lib/storage/stores.ts';
import { createMemoryStorage } from '../../lib/storage/testing-objects.ts';
import { validationText } from './validate.ts';
import { hasErrors, validate } from './validation.ts';

const CAMPAIGN = campaignSchema.parse({ schema: 'fedcardio.campaign/1', id: 'tavi', stages: [TEACHER_STAGE] });

function validated(instanceTypes: readonly string[], campaign: object = CAMPAIGN) {
  const sites = ['bonn', 'kiel', 'jena'].map((id) => ({ id, name: id, gpu: { instanceTypes } }));
  const declared = federationSchema.parse({ schema: 'fedcardio.federation/1', id: 'heart', sites });
  const context = {
    ...storesOf(createMemoryStorage(), 'heart'),
    federation: declared,
    declared,
    now: () => new Date('2026-03-02T08:00:00Z'),
    log: () => undefined,
  };
  return validate(Buffer.from(JSON.stringify(campaign)), 'campaign.json', context, true);
}

test('estimates the cost of a campaign', async () => {
  const found = await validated(['g5.xlarge']);

  expect(found.cost?.usd).toBeGreaterThan(0);
  expect(found.noCost).toBeUndefined();
});

test('a GPU without a price stops no campaign: a note says that nothing is estimated', async () => {
  const found = await validated(['g5.4xlarge']);

  expect(hasErrors(found)).toBe(false);
  expect(found).toMatchObject({ cost: undefined, noCost: expect.stringContaining('do not include g5.4xlarge') });
  expect(validationText('campaign.json', found)).toMatch(/valid\.[\s\S]*\nCost on AWS: not estimated\. The prices in /);
});

test('estimates nothing of a network that cannot be made', async () => {
  const model = { kind: 'swin-unetr', featureSize: 12, depths: [2, 2], heads: [3] };
  const found = await validated(['g5.xlarge'], { ...CAMPAIGN, stages: [{ ...TEACHER_STAGE, model }] });

  expect(hasErrors(found)).toBe(true);
  expect(found).toMatchObject({ stages: [], cost: undefined });
  expect(validationText('campaign.json', found)).not.toContain('NaN');
});
