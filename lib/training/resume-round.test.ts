import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ModelConfig } from '../federation/schemas.ts';
import { loadBackend } from '../nn/backend.ts';
import { decodeRoundState, encodeRoundState } from './round-state.ts';
import { stepsOfRound } from './schedule.ts';
import { toyRound as input, toyTraining as training } from './testing-round.ts';
import { type RoundState, type TrainRoundInput, trainRound } from './train-round.ts';

const swinUnetr: ModelConfig = { kind: 'swin-unetr', featureSize: 4, depths: [2], heads: [2], window: 4 };

beforeEach(() => loadBackend());

/** Runs a round up to a step and returns its state there. */
async function stopAfter(step: number, round: TrainRoundInput): Promise<RoundState> {
  let kept: RoundState | undefined;
  const onStep = (done: number, _loss: number, state: () => RoundState) => {
    if (done < step) return;
    kept = decodeRoundState(encodeRoundState(state(), {})).state;
    throw new Error('stopped');
  };
  await expect(trainRound({ ...round, onStep })).rejects.toThrow('stopped');
  return kept!;
}

describe.each<readonly [string, Partial<TrainRoundInput>]>([
  ['a unet', { training: { ...training, patch: 32, spacing: 3 } }],
  ['a swin-unetr', { model: swinUnetr }],
  ['two batches per step', { training: { ...training, batch: 2, accumulate: 2 } }],
  ['a proximal term and local parameters', { training: { ...training, proximal: 1, localParameters: ['*norm*'] } }],
  ['SCAFFOLD', { training: { ...training, algorithm: { name: 'scaffold' } } }],
  ['FedPer', { training: { ...training, algorithm: { name: 'fedper' } } }],
  [
    'DP-SGD',
    {
      training: { ...training, dpSgd: { clip: 1, noiseMultiplier: 1, delta: 1e-5 } },
      secret: new Uint8Array(32).fill(3),
    },
  ],
  ['Ditto', { training: { ...training, algorithm: { name: 'ditto', lambda: 10 } } }],
])('a stopped round with %s', (_, options) => {
  const round = { ...input, ...options, training: { ...(options.training ?? training), steps: 6, augment: true } };
  const total = stepsOfRound(round.training);

  test('resumes from any step to the same bytes, and reports the remaining steps', async () => {
    const {
      weights: global,
      optimizer,
      local,
    } = await trainRound({ ...round, training: { ...round.training, steps: 2 } });
    const second = { ...round, round: 2, global, local, optimizer };
    const whole = await trainRound(second);
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 1, max: total - 1 }), { minLength: 1, maxLength: 3 }),
        async (stops) => {
          let resume: RoundState | undefined;
          for (const step of stops.sort((a, b) => a - b)) resume = await stopAfter(step, { ...second, resume });
          const seen: number[] = [];
          const resumed = await trainRound({ ...second, resume, onStep: (step) => void seen.push(step) });
          expect(resumed).toEqual(whole);
          expect(seen).toEqual(Array.from({ length: total - stops.at(-1)! }, (__, i) => stops.at(-1)! + 1 + i));
        },
      ),
      { numRuns: 4, examples: [[[total - 1]], [[1, 2, 3]]] },
    );
  }, 60_000);
});
