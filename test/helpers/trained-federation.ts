import type { GpuTaskContext } from '../../gpu-tasks/context.ts';
import { runGpuTask } from '../../gpu-tasks/run-gpu-task.ts';
import { gpuTaskContext, uploadCase } from '../../gpu-tasks/testing.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { type CampaignInput, type GpuTaskMessage, type Outcome, outcomeSchema } from '../../lib/federation/schemas.ts';
import { canonicalJson } from '../../lib/json.ts';
import { tryReadJson } from '../../lib/storage/documents.ts';
import { type SimulatedFederation, simulateFederation } from '../protocol/simulated-federation.ts';
import { summaryOf } from '../protocol/simulated-site.ts';

/** A federation in memory whose GPU tasks are real: each site trains on a ball of calcium. */
export interface TrainedFederation extends SimulatedFederation {
  /** Runs a campaign until nothing is left to do. */
  run(campaign: CampaignInput): Promise<Outcome | undefined>;
  /** Runs one GPU task with the rights of its role. */
  runTask(message: GpuTaskMessage, change?: Partial<GpuTaskContext>): Promise<string>;
}

const CASES = ['a', 'b'];

export async function trainedFederation(sites: readonly string[]): Promise<TrainedFederation> {
  const world = simulateFederation(sites.map((id) => ({ id, samples: CASES.length, behaviour: 'good' })));
  for (const site of sites) {
    for (const name of CASES) await uploadCase(world.context, 'training', `${site}-${name}`, true, site);
  }

  async function runTask(message: GpuTaskMessage, change: Partial<GpuTaskContext> = {}) {
    const { context } = await gpuTaskContext(world.context, message.site);
    return runGpuTask(message, { ...context, now: world.context.now, ...change });
  }

  async function run(campaign: CampaignInput) {
    const { federationStore, now } = world.context;
    for (const site of sites) {
      const counts = {
        ...summaryOf({ id: site, samples: CASES.length }, now()),
        labelled: { calcification: CASES.length },
      };
      await federationStore.put(federationKeys.summary(site), canonicalJson(counts));
    }
    await federationStore.put(federationKeys.campaign(campaign.id), canonicalJson(campaign));
    for (let next = world.pending.shift(); next; next = world.pending.shift()) {
      if (next.kind === 'task') await runTask(next.message);
      else await world.deliver(next);
    }
    return (await tryReadJson(federationStore, federationKeys.outcome(campaign.id), outcomeSchema))?.value;
  }

  return { ...world, run, runTask };
}

/** A teacher of two small rounds. */
export const calciumCampaign = (
  id: string,
  privacy: CampaignInput['privacy'],
  { rounds = 2, ...stage }: Partial<Extract<CampaignInput['stages'][number], { kind: 'teacher' }>> = {},
): CampaignInput => ({
  schema: 'fedcardio.campaign/1',
  id,
  seed: 1,
  ...(privacy && { privacy }),
  stages: [
    {
      kind: 'teacher',
      name: 'teacher',
      task: 'calcification',
      rounds,
      model: { kind: 'unet', features: [4, 8] },
      training: { patch: 16, spacing: 6, steps: 2, learningRate: 1e-2, warmup: 0 },
      ...stage,
    },
  ],
});
