import { describe, expect, test } from 'vitest';
import { federationKeys } from '../federation/keys.ts';
import { campaignSchema, type Federation } from '../federation/schemas.ts';
import { TEACHER_STAGE } from '../federation/testing.ts';
import { canonicalJson } from '../json.ts';
import { storesOf } from '../storage/stores.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { cancelCampaign, pauseCampaign, resumeCampaign } from './control.ts';
import { planCampaign } from './plan.ts';
import { campaignOverview, openRounds, stagePhase } from './status.ts';
import { answer, openRoundOf, ROUND } from './testing.ts';

const PLANNED = new Date('2026-03-02T08:00:00.000Z');
const UPLOADED = new Date('2026-03-01T08:00:00.000Z');

/** A campaign in memory, uploaded, and planned if asked for. */
async function campaign(isPlanned: boolean, change: object = {}, warnings?: readonly string[]) {
  const { federationStore } = storesOf(createMemoryStorage({ now: () => UPLOADED }), 'heart');
  const id = ROUND.campaign;
  const stages = [TEACHER_STAGE, { ...TEACHER_STAGE, name: 'second' }];
  const value = campaignSchema.parse({ schema: 'fedcardio.campaign/1', id, stages, ...change });
  await federationStore.put(federationKeys.campaign(id), canonicalJson(value));
  const plan = {
    ...planCampaign(id, { value, sha256: 'a'.repeat(64) }, PLANNED, { sites: ['bonn'] }),
    ...(warnings && { warnings }),
  };
  if (isPlanned) await federationStore.put(federationKeys.plan(id), canonicalJson(plan));
  const federation: Federation = { schema: 'fedcardio.federation/1', id: 'heart', sites: [] };
  const context = { federation, federationStore, now: () => PLANNED, log: () => undefined };
  return { context, overview: () => campaignOverview(context, id) };
}

describe('the overview of a campaign', () => {
  test('is none if nothing is stored of it, also if there is one whose name begins so', async () => {
    const { context } = await campaign(true);
    expect(await campaignOverview(context, ROUND.campaign.slice(0, -1))).toBeUndefined();
  });

  test('that is not planned says when it was uploaded, and has no stages', async () => {
    const { overview } = await campaign(false);
    expect(await overview()).toEqual({
      campaign: ROUND.campaign,
      phase: 'uploaded',
      reason: undefined,
      uploadedAt: UPLOADED.toISOString(),
      plannedAt: undefined,
      endedAt: undefined,
      warnings: [],
      pauses: [],
      isSecure: false,
      stages: [],
    });
  });

  test('that runs has the stages and warnings of its plan', async () => {
    const { overview } = await campaign(true, {}, ['One site alone decides.']);
    expect(await overview()).toMatchObject({
      phase: 'running',
      plannedAt: PLANNED.toISOString(),
      warnings: ['One site alone decides.'],
      isSecure: false,
      stages: [{ stage: { name: TEACHER_STAGE.name } }, { stage: { name: 'second' } }],
    });
  });

  test('is paused with the last reason, until it is resumed', async () => {
    const { context, overview } = await campaign(true);
    for (const reason of ['first', 'second']) {
      await pauseCampaign(context, ROUND.campaign, reason);
      expect(await overview()).toMatchObject({ phase: 'paused', reason });
      await resumeCampaign(context, ROUND.campaign);
      expect(await overview()).toMatchObject({ phase: 'running', reason: undefined });
    }
  });

  test('has ended as its outcome says, whether it was paused or not', async () => {
    const { context, overview } = await campaign(true);
    await pauseCampaign(context, ROUND.campaign, 'a pause');
    await cancelCampaign(context, ROUND.campaign, 'not needed');
    expect(await overview()).toMatchObject({
      phase: 'cancelled',
      reason: 'not needed',
      endedAt: PLANNED.toISOString(),
    });
  });

  test('says whether it is masked, and what its noise has cost', async () => {
    const secure = await campaign(true, { privacy: { secureAggregation: {} } });
    const differentialPrivacy = { clip: 1, noiseMultiplier: 2, delta: 1e-5, noise: 'central' };
    const noisy = await campaign(true, { privacy: { differentialPrivacy } });

    expect(await secure.overview()).toMatchObject({ isSecure: true });
    expect((await noisy.overview())?.privacy).toMatchObject({ noiseMultiplier: 2 });
    expect(await secure.overview()).not.toHaveProperty('privacy');
  });
});

test('a stage waits until its first round opens', () => {
  const stage = { stage: TEACHER_STAGE, rounds: [], completed: false } as unknown as Parameters<typeof stagePhase>[0];
  const rounds = [{}] as unknown as typeof stage.rounds;
  expect(stagePhase(stage)).toBe('waiting');
  expect(stagePhase({ ...stage, rounds })).toBe('running');
  expect(stagePhase({ ...stage, rounds, completed: true })).toBe('completed');
});

test('of a campaign, the rounds that are not committed are open, with the answers of their participants', async () => {
  const round = await openRoundOf(['bonn', 'graz']);
  for (const site of ['graz', 'a-stranger']) await answer(round, site, [1, 2]);
  const state = (number: number, phase: 'open' | 'committed') => ({ at: { ...ROUND, round: number }, phase });
  const rounds = [state(7, 'committed'), state(1, 'open')];
  const overview = { campaign: ROUND.campaign, pauses: [], stages: [{ stage: TEACHER_STAGE, rounds }] };

  const open = await openRounds(round.context, overview as unknown as Parameters<typeof openRounds>[1]);

  expect(open).toMatchObject([
    { stage: ROUND.stage, round: 1, phase: 'open', updated: ['graz'], waitingFor: ['bonn'] },
  ]);
});
