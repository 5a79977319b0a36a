import { describe, expect, test } from 'vitest';
import { sweep } from '../../handlers/sweep.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { type CampaignInput, commitSchema, outcomeSchema } from '../../lib/federation/schemas.ts';
import { verifyCampaign } from '../../lib/protocol/verify-campaign.ts';
import { readJson, tryReadJson } from '../../lib/storage/documents.ts';
import { asFederationRole } from '../helpers/roles.ts';
import { type Delivery, type SimulatedFederation, simulateFederation } from './simulated-federation.ts';
import type { SimulatedSite } from './simulated-site.ts';

const CAMPAIGN: CampaignInput = {
  schema: 'fedcardio.campaign/1',
  id: 'tavi',
  privacy: { secureAggregation: {} },
  stages: [
    {
      kind: 'teacher',
      name: 'teacher',
      task: 'hinge-points',
      rounds: 2,
      model: { kind: 'unet', features: [4, 8] },
      training: { steps: 1, learningRate: 0.001 },
      quorum: { minFraction: 0.5, deadlineSeconds: 3600, closeAfterQuorumSeconds: 600 },
    },
  ],
};

const sitesOf = (count: number): SimulatedSite[] =>
  Array.from({ length: count }, (_, i) => ({ id: `site-${i}`, samples: 3 + 4 * i, behaviour: 'good' }));

/** Delivers until nothing is left. `drop` loses a message, a GPU task or an event. */
async function settle(world: SimulatedFederation, drop: (delivery: Delivery) => boolean = () => false): Promise<void> {
  for (let next = world.pending.shift(); next; next = world.pending.shift()) {
    if (drop(next)) continue;
    if (!(await world.deliver(next)) && next.kind === 'message' && next.failures < 2) {
      world.pending.push({ ...next, failures: next.failures + 1 });
    }
  }
}

const sweepOf = (world: SimulatedFederation) => sweep(asFederationRole(world.context, 'sweep'));

describe('a campaign with secure aggregation', () => {
  test('completes by events alone, and is verified', async () => {
    const world = simulateFederation(sitesOf(4));
    await world.upload(CAMPAIGN);

    await settle(world);

    const { federationStore } = world.context;
    const outcome = await tryReadJson(federationStore, federationKeys.outcome('tavi'), outcomeSchema);
    console.log(world.log.map(({ event, fields }) => event + ' ' + JSON.stringify(fields)).join('\n'));
    expect(outcome?.value).toMatchObject({ status: 'completed' });
    const verified = await verifyCampaign(federationStore, 'tavi');
    expect(verified.faults).toEqual([]);
    expect(verified.rounds.flatMap(({ faults }) => faults)).toEqual([]);
    void sweepOf;
    void readJson;
    void commitSchema;
  });
});
