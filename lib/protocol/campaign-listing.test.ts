import fc from 'fast-check';
import { expect, test } from 'vitest';
import { federationKeys, type RoundAddress } from '../federation/keys.ts';
import { campaignSchema } from '../federation/schemas.ts';
import { TEACHER_STAGE } from '../federation/testing.ts';
import type { FederationStore } from '../storage/contract.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { nextActions } from './actions.ts';
import { campaignProgress, hasObject, listCampaign } from './campaign-listing.ts';
import { planCampaign, requirementsOf, roundsOf } from './plan.ts';
import { campaignState } from './state.ts';

const NOW = new Date('2026-03-02T08:00:00.000Z');
const { rounds: _, name: __, validate: ___, ...learnt } = TEACHER_STAGE;
const CAMPAIGN = campaignSchema.parse({
  schema: 'fedcardio.campaign/1',
  id: 'c',
  validation: { share: 0.2 },
  stages: [
    { ...learnt, name: 'a', rounds: 4 },
    { ...learnt, name: 'a/0003', rounds: 3 },
    { ...learnt, name: 'control', rounds: 12, validate: { patience: 1 } },
    { ...learnt, name: 'second', rounds: 11, after: ['a', 'control'] },
    { kind: 'evaluate', name: 'z', models: { one: 'second' } },
  ],
});
const PLAN = planCampaign('c', { value: CAMPAIGN, sha256: 'a'.repeat(64) }, NOW);

/** How many rounds of a stage have been opened, what the last one has, and whether the stage has stopped early. */
const progress = fc.record({
  opened: fc.nat(13),
  phase: fc.constantFrom('open', 'sent', 'sealed', 'committed'),
  stops: fc.boolean(),
});

/** Stores what stages have left that have come this far. A stage opens when those that it needs have completed. */
async function storeOf(stages: readonly { opened: number; phase: string; stops: boolean }[]): Promise<FederationStore> {
  const store: FederationStore = createMemoryStorage({ now: () => NOW })('heart');
  const put = (key: Parameters<FederationStore['put']>[0]) => store.put(key, '{}');
  const completed = new Set<string>();
  await put(federationKeys.campaign('c'));
  await put(federationKeys.plan('c'));
  for (const [index, stage] of PLAN.campaign.stages.entries()) {
    const { opened = 0, phase, stops } = stages[index] ?? {};
    if (!requirementsOf(stage).every((name) => completed.has(name))) continue;
    const numbers = Array.from({ length: Math.min(opened, roundsOf(stage)) }, (_, round) => round + 1);
    if (stops && numbers.length > 0 && stage.name === 'control') numbers.push(roundsOf(stage));
    for (const round of new Set(numbers)) {
      const at: RoundAddress = { campaign: 'c', stage: stage.name, round };
      const isPast = round !== numbers.at(-1);
      await put(federationKeys.open(at));
      if (isPast || phase !== 'open') await put(federationKeys.sent(at));
      if (isPast || phase === 'sealed' || phase === 'committed') await put(federationKeys.seal(at));
      if (isPast || phase === 'committed') await put(federationKeys.commit(at));
    }
    if (numbers.at(-1) === roundsOf(stage) && phase === 'committed') completed.add(stage.name);
  }
  return store;
}

test('what a campaign does next does not depend on how much of it was listed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(progress, { minLength: 5, maxLength: 5 }),
      fc.integer({ min: 1, max: 40 }),
      async (stages, keys) => {
        const store = await storeOf(stages);
        const whole = await listCampaign(store, 'c');
        const part = await listCampaign(store, 'c', keys);

        const wanted = nextActions(campaignState(PLAN, whole.objects), NOW, 600);
        const found = nextActions(await campaignProgress(store, PLAN, part), NOW, 600);

        expect(found).toEqual(wanted);
      },
    ),
    { numRuns: 300 },
  );
});

test('an object is found before, at and behind the last key that was listed', async () => {
  const store = await storeOf([{ opened: 4, phase: 'committed', stops: false }]);
  const keys = [federationKeys.outcome('c'), federationKeys.plan('c'), federationKeys.campaign('c')];

  for (const listed of [1, 5, 12, 100]) {
    const listing = await listCampaign(store, 'c', listed);
    expect(await Promise.all(keys.map((key) => hasObject(store, listing, key)))).toEqual([false, true, true]);
  }
});
