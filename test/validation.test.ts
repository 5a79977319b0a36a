import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { trainedModel } from '../gpu-tasks/stage-model.ts';
import { type CaseUse, federationKeys, siteKeys } from '../lib/federation/keys.ts';
import { type CampaignInput, commitSchema, type Outcome } from '../lib/federation/schemas.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import { campaignStatus } from '../lib/protocol/status.ts';
import { verifyCampaign } from '../lib/protocol/verify-campaign.ts';
import { readJson } from '../lib/storage/documents.ts';
import { ballCase } from '../lib/training/testing-cases.ts';
import { type LocalFederation, startLocalFederation } from './helpers/local-federation.ts';

const TASK = 'calcification';
const training = { patch: 16, spacing: 6, steps: 4, learningRate: 1e-2, warmup: 0, secondsBudget: 600 };
const model = { kind: 'unet' as const, features: [4, 8] };

/** Its patience ends the teacher early: no model is better than another by a loss of ten. */
const CAMPAIGN: CampaignInput = {
  schema: 'fedcardio.campaign/1',
  id: 'validated',
  seed: 1,
  validation: { share: 0.4 },
  stages: [
    {
      kind: 'teacher',
      name: 'teacher',
      task: TASK,
      rounds: 9,
      model,
      training,
      validate: { patience: 1, minDelta: 10 },
    },
    { kind: 'pseudo-label', name: 'label', teachers: ['teacher'], filter: { minConfidence: 0, plausibility: false } },
    {
      kind: 'student',
      name: 'student',
      tasks: [TASK],
      pseudoLabels: 'label',
      rounds: 2,
      model,
      training,
      validate: { keep: 'last' },
    },
    { kind: 'evaluate', name: 'evaluate', models: { teacher: 'teacher', student: 'student' } },
    { kind: 'evaluate', name: 'trial', models: { student: 'student' }, cases: 'validation' },
  ],
};

describe('a campaign with validation, with real storage and real training', () => {
  let local: LocalFederation;
  let outcome: Outcome;

  async function upload(site: string, use: CaseUse, id: string, labelled: boolean): Promise<void> {
    const store = local.siteStore(site);
    const { image, targets } = ballCase(`${site}-${id}`, 16, 6, [TASK]);
    const hu = Int16Array.from(image.data, (value) => value * 220 + 125);
    const target = targets.get(TASK);
    if (labelled && target?.kind === 'mask') await store.put(siteKeys.label(use, id, TASK), writeNifti(target.mask));
    await store.put(siteKeys.image(use, id), writeNifti({ ...image, data: hu }));
  }
  const commitOf = async (stage: string, round: number) => {
    const at = { campaign: CAMPAIGN.id, stage, round };
    return (await readJson(local.federationStore, federationKeys.commit(at), commitSchema)).value;
  };

  beforeAll(async () => {
    local = await startLocalFederation({ sites: ['bonn', 'kiel'], name: 'validated' });
    for (const id of ['p1', 'p2', 'p3', 'p4', 'p5']) await upload('bonn', 'training', id, true);
    for (const id of ['p1', 'p2']) await upload('kiel', 'training', id, id === 'p1');
    for (const site of ['bonn', 'kiel']) await upload(site, 'evaluation', 'h1', true);
    await local.idle();
    outcome = await local.run(CAMPAIGN);
  }, 240_000);
  afterAll(() => local.close());

  test('completes, stops early, and can be verified', async () => {
    const { federationStore, federation } = local;
    const context = { federation, federationStore, now: () => new Date(), log: () => undefined };

    const status = await campaignStatus(context, CAMPAIGN.id);

    expect(outcome).toMatchObject({ status: 'completed' });
    const rounds = Object.fromEntries(
      (status?.stages ?? []).map((stage) => [stage.name, stage.rounds.map((r) => r.round)]),
    );
    expect(rounds).toEqual({ teacher: [1, 2, 3, 10], label: [1], student: [1, 2, 3], evaluate: [1], trial: [1] });
    const { faults, rounds: verified } = await verifyCampaign(federationStore, CAMPAIGN.id);
    expect([...faults, ...verified.flatMap((round) => round.faults)]).toEqual([]);
  });

  test('keeps the best model of the teacher and the last one of the student', async () => {
    const teacher = await trainedModel(local.federationStore, CAMPAIGN.id, 'teacher');
    const student = await trainedModel(local.federationStore, CAMPAIGN.id, 'student');

    expect((await commitOf('teacher', 10)).validation?.best?.round).toBe(1);
    expect(teacher.sha256).toBe((await commitOf('teacher', 1)).global?.sha256);
    expect(student.sha256).toBe((await commitOf('student', 2)).global?.sha256);
  });

  test('has the losses of the one site that holds cases back, and scores of its cases apart', async () => {
    const { validation, sites } = await commitOf('student', 3);

    expect(sites).toEqual(['bonn', 'kiel']);
    expect(validation?.scored).toMatchObject({ round: 2, cases: 2, sites: 1 });
    expect(await commitOf('trial', 1)).toMatchObject({ sites: ['bonn'], samples: 2 });
    expect(await commitOf('evaluate', 1)).toMatchObject({ sites: ['bonn', 'kiel'], samples: 2 });
  });

  test('counts the steps that the budget allowed', async () => {
    expect((await commitOf('teacher', 1)).figures.steps).toBe(4);
    expect((await commitOf('teacher', 10)).figures).toEqual({});
  });
});
