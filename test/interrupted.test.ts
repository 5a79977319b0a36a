import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { federationKeys, siteKeys } from '../lib/federation/keys.ts';
import { type CampaignInput, commitSchema } from '../lib/federation/schemas.ts';
import { readJson } from '../lib/storage/documents.ts';
import { student, training, uploadToyCase } from './helpers/campaign.ts';
import { type LocalFederation, type LocalFederationOptions, startLocalFederation } from './helpers/local-federation.ts';

const TASK = 'hinge-points';
/** 8 steps per round. */
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

/** Runs the campaign and returns the models of its rounds and the events of its GPU tasks. */
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

/** What is left of checkpoints. A GPU task deletes its own after its update, which may end the campaign. */
async function left(local: LocalFederation) {
  const found = async () =>
    (await Promise.all(SITES.map((site) => local.keys(local.siteStore(site), siteKeys.unfinishedPrefix)))).flat();
  for (let waits = 100; waits > 0 && (await found()).length > 0; waits--) await sleep(100);
  return found();
}

describe('a GPU task whose process is ended during its round', () => {
  test('resumes from its checkpoint, and its round has the same bytes as without the interruption', async () => {
    const uninterrupted = await run(campaign());
    expect(uninterrupted).toMatchObject({ status: 'completed', retried: [], resumed: [], left: [] });

    const terminated = await run(campaign(), { ...CRASH, crashSignal: 'SIGTERM' });
    const killed = await run(campaign(0.001), { ...CRASH, crashSignal: 'SIGKILL' });

    expect(terminated.retried).toEqual([expect.stringContaining('exited with code 143')]);
    // SIGTERM takes effect after the current step or the next.
    expect([[5], [6], [7]]).toContainEqual(terminated.resumed);
    expect(killed.retried).toEqual([expect.stringContaining('SIGKILL')]);
    // SIGKILL ends it before the checkpoint of step 5.
    expect(killed.resumed).toEqual([4]);
    for (const { status, models, left } of [terminated, killed]) {
      expect({ status, models, left }).toEqual({ status: 'completed', models: uninterrupted.models, left: [] });
    }
  }, 180_000);
});
