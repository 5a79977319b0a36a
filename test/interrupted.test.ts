import { describe, expect, test } from 'vitest';
import { federationKeys, siteKeys } from '../lib/federation/keys.ts';
import { type CampaignInput, commitSchema } from '../lib/federation/schemas.ts';
import { readJson } from '../lib/storage/documents.ts';
import { student, training, uploadToyCase } from './helpers/campaign.ts';
import { type LocalFederation, type LocalFederationOptions, startLocalFederation } from './helpers/local-federation.ts';

const TASK = 'hinge-points';
/** 8 steps a round, and a checkpoint after each where it is to be so often. */
const campaign = (checkpointSeconds = 300): CampaignInput => {
  const stage = student('student', [TASK], 2);
  const often = { ...training, steps: 8, checkpointSeconds };
  return {
    schema: 'fedcardio.campaign/1',
    id: 'aortic',
    seed: 5,
    stages: [{ ...stage, ...('training' in stage ? { training: often } : {}) } as typeof stage],
  };
};
const SITES = ['bonn', 'kiel'];
const CRASH = { crash: 'student#2@kiel', crashStep: 5 };

/** Runs the campaign, and gives the models of its rounds and what became of the tasks. */
async function run(input: CampaignInput, options: Omit<LocalFederationOptions, 'sites'> = {}) {
  const local: LocalFederation = await startLocalFederation({ sites: SITES, ...options });
  try {
    for (const [seed, site] of SITES.entries()) {
      const item = { site, id: 'p1', use: 'training', labels: [TASK] } as const;
      await uploadToyCase(local.siteStore(site), item, seed);
    }
    await local.idle();
    const { status } = await local.run(input);
    const models = [1, 2].map(async (round) => {
      const key = federationKeys.commit({ campaign: input.id, stage: 'student', round });
      return (await readJson(local.federationStore, key, commitSchema)).value.global?.sha256;
    });
    const retried = local.tasks.flatMap((event) => (event.type === 'retrying' ? [event.reason] : []));
    const output = local.tasks.flatMap((event) => (event.type === 'output' ? [event.line] : []));
    const resumed = output.filter((line) => line.includes('"resumed"')).map((line) => JSON.parse(line).step as number);
    return { status, models: await Promise.all(models), retried, resumed, left: await left(local) };
  } finally {
    await local.close();
  }
}

const left = async (local: LocalFederation) =>
  (await Promise.all(SITES.map((site) => local.keys(local.siteStore(site), siteKeys.unfinishedPrefix)))).flat();

describe('a task whose process is ended in the middle of its round', () => {
  test('goes on where it was, and its round closes with the bytes of an undisturbed one', async () => {
    const undisturbed = await run(campaign());
    expect(undisturbed).toMatchObject({ status: 'completed', retried: [], resumed: [], left: [] });

    const told = await run(campaign(), { ...CRASH, crashSignal: 'SIGTERM' });
    const killed = await run(campaign(0.001), { ...CRASH, crashSignal: 'SIGKILL' });

    expect(told.retried).toEqual([expect.stringContaining('exited with code 143')]);
    // A signal is heard after the step that runs, or the next.
    expect([[5], [6], [7]]).toContainEqual(told.resumed);
    expect(killed.retried).toEqual([expect.stringContaining('SIGKILL')]);
    // Killed before the checkpoint of its fifth step.
    expect(killed.resumed).toEqual([4]);
    for (const { status, models, left } of [told, killed]) {
      expect({ status, models, left }).toEqual({ status: 'completed', models: undisturbed.models, left: [] });
    }
  }, 180_000);
});
