import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { beforeAll, expect, test } from 'vitest';
import { createS3Client } from '../../lib/aws/clients.ts';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import { federationKeys, siteKeys } from '../../lib/federation/keys.ts';
import { campaignSchema, consentSchema, type Ledger } from '../../lib/federation/schemas.ts';
import { TEACHER_STAGE } from '../../lib/federation/testing.ts';
import { names } from '../../lib/federation/topology.ts';
import { canonicalJson } from '../../lib/json.ts';
import { consentTo } from '../../lib/protocol/consent/at-site.ts';
import { planCampaign } from '../../lib/protocol/plan.ts';
import { readJson } from '../../lib/storage/documents.ts';
import { storesOf } from '../../lib/storage/stores.ts';
import { useServer } from '../../local/emulator/testing.ts';
import { runCommand } from '../testing.ts';

const { endpoint } = useServer();
const now = () => new Date('2026-03-02T08:00:00Z');
const stores = () => storesOf(createObjectStorage({ endpoint: endpoint() }), 'heart');
const store = () => stores().siteStore('berlin');
const site = (command: string, ...args: readonly string[]) =>
  runCommand(['site', command, 'berlin', ...args, '--federation', 'heart', '--endpoint', endpoint()]);
const consentOf = async (campaign: string) =>
  (await readJson(store(), siteKeys.consent(campaign), consentSchema)).value;

beforeAll(async () => {
  const s3 = createS3Client({ endpoint: endpoint() });
  for (const Bucket of [names.siteBucket('heart', 'berlin'), names.federationBucket('heart')])
    await s3.send(new CreateBucketCommand({ Bucket }));
  s3.destroy();
  const campaign = campaignSchema.parse({
    schema: 'fedcardio.campaign/1',
    id: 'tavi',
    purpose: 'To plan valve replacements.',
    stages: [TEACHER_STAGE],
  });
  const plan = planCampaign('tavi', { value: campaign, sha256: 'a'.repeat(64) }, now(), { sites: ['berlin'] });
  await stores().federationStore.put(federationKeys.plan('tavi'), canonicalJson(plan));
});

/** The campaign's first message reaches the site. */
const arrives = () =>
  consentTo({ site: 'berlin', store: store(), federationStore: stores().federationStore, now }, 'tavi', {
    isRepeated: false,
  });

test('site policy is set and shown, and a campaign is then asked under its limits', async () => {
  const none = await site('policy');
  const set = await site('policy', 'ask', '--minimum-cases', '10', '--epsilon', '8', '--by', 'DPO');
  const shown = await site('policy', '--json');
  const wrong = await site('policy', 'sometimes');
  await arrives();
  const all = await site('consent');
  const one = await site('consent', 'tavi');

  expect(none.stdout).toContain('a person is asked about every campaign');
  expect(set).toMatchObject({ code: 0, stdout: expect.stringContaining('ε 8 at δ 0.00001') });
  expect(JSON.parse(shown.stdout).policy).toMatchObject({
    mode: 'ask',
    by: 'DPO',
    limits: { minimumCases: 10, budget: { epsilon: 8, delta: 1e-5 } },
  });
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('Allowed choices are standing, ask, never') });
  expect(all.stdout).toMatch(/tavi\s+waits for you/);
  expect(all.stdout).toContain('npx fedcardio site consent berlin CAMPAIGN --federation heart');
  expect(one.stdout).toContain('To plan valve replacements.');
  expect(one.stdout).toContain('- no noise is added to the weights');
});

test('site consent agrees with limits of its own, withdraws, and says what it cannot do', async () => {
  await arrives();
  const limits = ['--minimum-cases', '3', '--epsilon', '2', '--no-figures', '--until', '2999-06-30'];

  const { plan } = await consentOf('tavi');
  const other = await site('consent', 'tavi', '--agree', '--plan', 'f'.repeat(64));
  const typo = await site('consent', 'tavi', '--agree', '--plan', plan.slice(1));
  const american = await site('consent', 'tavi', '--agree', '--until', '07.06.2999');
  const agreed = await site('consent', 'tavi', '--agree', '--plan', plan, '--by', 'DPO', ...limits);
  const consent = await consentOf('tavi');
  const withdrawn = await site('consent', 'tavi', '--withdraw', '--reason', 'The study was stopped.');
  const unknown = await site('consent', 'nope', '--agree');
  const both = await site('consent', 'tavi', '--agree', '--decline');
  const nothing = await site('consent', '--agree');

  expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('Nothing was agreed to.') });
  expect(typo).toMatchObject({ code: 2, stderr: expect.stringContaining('Expected the 64 digits') });
  expect(american).toMatchObject({ code: 2, stderr: expect.stringContaining('Expected a day such as 2027-06-30') });
  expect(agreed).toMatchObject({ code: 0, stdout: expect.stringContaining('privacy budget: ε 2 at δ 0.00001') });
  expect(consent).toMatchObject({
    state: 'agreed',
    by: 'DPO',
    until: '2999-06-30T00:00:00.000Z',
    limits: { minimumCases: 3, figures: false, budget: { epsilon: 2, delta: 1e-5 } },
  });
  expect(withdrawn.code).toBe(0);
  expect(await consentOf('tavi')).toMatchObject({ state: 'withdrawn', reason: 'The study was stopped.', until: null });
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('no campaign "nope"') });
  expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be used with') });
  expect(nothing).toMatchObject({ code: 2, stderr: expect.stringContaining('Say which campaign: berlin CAMPAIGN.') });
  expect(nothing.stderr).toContain('The site was asked by tavi.');
});

test('site privacy adds up what was spent, and says what is left', async () => {
  const release = { unit: 'site' as const, noise: 2, rate: 1, count: 1, of: 'a'.repeat(16) };
  const at = { campaign: 'tavi', stage: 'teacher', at: now().toISOString() };
  const ledger: Ledger = {
    schema: 'fedcardio.privacy-ledger/1',
    site: 'berlin',
    releases: [1, 2].map((round) => ({ ...at, round, ...release })),
  };
  await store().put(siteKeys.ledger, canonicalJson(ledger));

  const text = await site('privacy', '--budget', '8');
  const { spent, left, campaigns } = JSON.parse((await site('privacy', '--budget', '8', '--json')).stdout);

  expect(text.stdout).toMatch(/^berlin has spent ε \d+\.\d+ at δ 0\.00001/);
  expect(spent + left).toBeCloseTo(8, 10);
  expect(campaigns).toMatchObject([{ campaign: 'tavi', releases: 2, unit: 'site' }]);
});
