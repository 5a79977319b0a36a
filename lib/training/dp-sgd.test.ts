import { beforeAll, describe, expect, test } from 'vitest';
import { campaignSchema, type ModelConfig, type TrainingConfig } from '../federation/schemas.ts';
import { DEFAULT_TASKS } from '../federation/tasks.ts';
import { initialWeights } from '../models/initial-weights.ts';
import { loadBackend } from '../nn/backend.ts';
import { inMemory } from './cases.ts';
import { openDpSgd } from './dp-sgd.ts';
import { ballCase } from './testing-cases.ts';
import { trainRound } from './train-round.ts';

const KEY = new Uint8Array(32);

describe('the noise of a step', () => {
  const terms = { batch: 2, accumulate: 1, dpSgd: { clip: 1, noiseMultiplier: 3, delta: 1e-5 } };
  const sum = Float32Array.from({ length: 64 }, (_, i) => i / 64);
  const noiseOf = (step: number, position: number, values = sum) => [
    ...openDpSgd(terms, 4, KEY)!.gradient(step).noise(position, values),
  ];

  test('is the same for the same sum', () => {
    expect(noiseOf(1, 0)).toEqual(noiseOf(1, 0));
  });

  test('is other noise for another sum, variable or step: nobody can subtract it', () => {
    const other = sum.with(5, 0.25);
    const all = [
      noiseOf(1, 0),
      noiseOf(1, 0, other),
      noiseOf(1, 1),
      noiseOf(2, 0),
      noiseOf(1, 0, new Float32Array(64)),
    ];
    for (const [i, one] of all.entries()) {
      for (const another of all.slice(i + 1)) expect(one.filter((value, k) => value === another[k])).toEqual([]);
    }
  });
});

describe('a step of DP-SGD', () => {
  beforeAll(async () => {
    await loadBackend();
  });

  /** Small enough that AdamW's first step gives the gradient back. */
  const CLIP = 1e-9;
  const EPSILON = 1e-8;
  const BATCH = 8;
  const { model, training } = campaignSchema.parse({
    ...{ schema: 'fedcardio.campaign/1', id: 'tavi' },
    stages: [
      {
        ...{
          kind: 'teacher',
          name: 'teacher',
          task: 'calcification',
          rounds: 1,
          model: { kind: 'unet', features: [4, 8] },
        },
        training: {
          ...{ patch: 16, spacing: 3, steps: 1, batch: BATCH, learningRate: 1, weightDecay: 0, warmup: 0 },
          dpSgd: { clip: CLIP, noiseMultiplier: 1e-5, delta: 1e-5 },
        },
      },
    ],
  }).stages[0] as { readonly model: ModelConfig; readonly training: TrainingConfig };
  const tasks = DEFAULT_TASKS.filter(({ id }) => id === 'calcification');

  /** The sum of clipped gradients of one step over all cases, almost without noise, in clips. */
  async function sumOf(ids: readonly string[]): Promise<readonly number[]> {
    const { weights } = await trainRound({
      model,
      training,
      tasks,
      cases: ids.map((id) => inMemory(ballCase(id, 40, 3, ['calcification']))),
      ...{ global: undefined, optimizer: undefined, round: 1, rounds: 1, seed: 1, site: 'berlin', secret: KEY },
    });
    const start = initialWeights(model, tasks, 1);
    return [...start].flatMap(([name, { data }]) =>
      [...weights.get(name)!.data].map((value, i) => {
        const step = data[i]! - value;
        return (BATCH * EPSILON * step) / (1 - Math.abs(step)) / CLIP;
      }),
    );
  }

  test('is changed by no more than the clip by a case more, wherever it is in the order', async () => {
    const before = await sumOf(['b', 'c', 'd', 'e']);
    for (const ids of [
      ['a', 'b', 'c', 'd', 'e'],
      ['b', 'c', 'd', 'e', 'f'],
    ]) {
      const after = await sumOf(ids);
      expect(Math.hypot(...after.map((value, i) => value - before[i]!))).toBeLessThan(1.01);
    }
  });
});
