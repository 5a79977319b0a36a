import { describe, expect, test } from 'vitest';
import { federationKeys } from '../federation/keys.ts';
import { campaignSchema, planSchema } from '../federation/schemas.ts';
import { DEFAULT_TASKS, PROBE_TASK, tasksNamed } from '../federation/tasks.ts';
import { TEACHER_STAGE } from '../federation/testing.ts';
import { canonicalJson } from '../json.ts';
import { asControls } from '../models/control-variates.ts';
import { initialWeights } from '../models/initial-weights.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { decodeSafetensors, encodeSafetensors } from '../weights/safetensors.ts';
import { networkLayout } from './network-layout.ts';
import { type LearningStage, learns } from './plan.ts';

const AT = { campaign: 'tavi' };
const trained = { rounds: 1, training: { steps: 1, learningRate: 0.001 } };
const campaign = campaignSchema.parse({
  schema: 'fedcardio.campaign/1',
  id: 'tavi',
  stages: [
    TEACHER_STAGE,
    {
      kind: 'student',
      name: 'student',
      tasks: ['hinge-points', 'calcification'],
      model: { kind: 'swin-unetr', featureSize: 12 },
      ...trained,
    },
    { kind: 'probe', name: 'probe', of: 'student', task: PROBE_TASK, ...trained },
  ],
});
const stages: readonly LearningStage[] = campaign.stages.filter(learns);

async function layoutOf(stage: LearningStage | undefined) {
  const store = createMemoryStorage()('heart');
  const plan = { schema: 'fedcardio.plan/1', campaign, source: 'a'.repeat(64), at: '2026-03-02T08:00:00.000Z' };
  await store.put(federationKeys.plan('tavi'), canonicalJson(planSchema.parse(plan)));
  return stage && networkLayout(store as Parameters<typeof networkLayout>[0], AT, stage);
}

describe('networkLayout', () => {
  test("is the layout of a site's update, in the order of its bytes", async () => {
    for (const stage of stages.filter(({ kind }) => kind !== 'probe')) {
      if (stage.kind === 'probe') continue;
      const tasks = stage.kind === 'teacher' ? [stage.task] : stage.tasks;
      const update = decodeSafetensors(
        encodeSafetensors(initialWeights(stage.model, tasksNamed(DEFAULT_TASKS, tasks), 0)),
      );

      const expected = [...update].map(([name, { shape }]) => [name, { dtype: 'F32', shape: [...shape] }]);
      expect([...((await layoutOf(stage)) ?? [])]).toEqual(expected);
    }
  });

  test('leaves out the parameters that stay at the sites', async () => {
    const names = [
      ...((await layoutOf({
        ...TEACHER_STAGE,
        training: { ...TEACHER_STAGE.training, localParameters: ['*norm*'] },
      })) ?? []),
    ].map(([name]) => name);

    expect(names).toContain('encoder.0.conv1.weight');
    expect(names.filter((name) => name.includes('norm'))).toEqual([]);
  });

  test('has a control variate beside each parameter with SCAFFOLD, as an update has', async () => {
    const training = { ...TEACHER_STAGE.training, algorithm: { name: 'scaffold' as const } };
    const first = initialWeights(TEACHER_STAGE.model, tasksNamed(DEFAULT_TASKS, [TEACHER_STAGE.task]), 0);
    const update = decodeSafetensors(encodeSafetensors(new Map([...first, ...asControls(first)])));

    const layout = await layoutOf({ ...TEACHER_STAGE, training });

    const expected = [...update].map(([name, { shape }]) => [name, { dtype: 'F32', shape: [...shape] }]);
    expect([...(layout ?? [])]).toEqual(expected);
    expect(layout?.size).toBe(2 * first.size);
  });

  test('has no heads with FedPer', async () => {
    const training = { ...TEACHER_STAGE.training, algorithm: { name: 'fedper' as const } };

    const names = [...((await layoutOf({ ...TEACHER_STAGE, training })) ?? new Map()).keys()];

    expect(names).toContain('encoder.0.conv1.weight');
    expect(names.filter((name) => name.startsWith('head.'))).toEqual([]);
  });

  test("of a probe is its head on the probed network's body", async () => {
    const probe = stages.find(({ kind }) => kind === 'probe');

    const layout = await layoutOf(probe);

    expect([...(layout?.keys() ?? [])].every((name) => name.startsWith(`out.${PROBE_TASK}.`))).toBe(true);
    expect(layout?.size).toBeGreaterThan(0);
  });

  test('is undefined if the plan of a probe is missing, or a pattern matches nothing', async () => {
    const store = createMemoryStorage()('heart') as Parameters<typeof networkLayout>[0];
    const probe = stages.find(({ kind }) => kind === 'probe');
    const idle = { ...TEACHER_STAGE, training: { ...TEACHER_STAGE.training, localParameters: ['none'] } };

    expect(probe && (await networkLayout(store, AT, probe))).toBeUndefined();
    expect(await networkLayout(store, AT, idle)).toBeUndefined();
  });
});
