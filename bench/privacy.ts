import { type TrainingConfig, trainingSchema } from '../lib/federation/schemas.ts';
import { TASKS } from '../lib/federation/tasks.ts';
import { loadBackend } from '../lib/nn/backend.ts';
import { discreteGaussian, varianceOf } from '../lib/privacy/discrete-gaussian.ts';
import { secureBytes } from '../lib/privacy/random-bytes.ts';
import { createRingMasks } from '../lib/privacy/ring-masks.ts';
import { inMemory } from '../lib/training/cases.ts';
import { ballCase } from '../lib/training/testing-cases.ts';
import { trainRound } from '../lib/training/train-round.ts';
import { median, significant } from './figures/numbers.ts';

export const summary = 'CPU time of masks, of discrete noise, and of DP-SGD compared with plain steps';

const VALUES = 65_000_000;
const SLICE = 1_000_000;
const DRAWS = 200_000;
const REPEATS = 3;
/** Standard deviation of the noise, in steps of the fixed point. */
const SIGMA = 2 ** 20;

/**
 * @returns `maskSeconds`: one mask added to 65 million values; `noiseMicroseconds`: one draw; `dpSgdRatio` and
 *   `accumulateRatio`: steps of four patches, each with a gradient of its own, with and without clipping and noise, over steps of
 *   one batch of four
 */
export async function run(): Promise<Readonly<Record<string, number>>> {
  const values = new Int32Array(VALUES);
  const maskSeconds = Array.from({ length: REPEATS }, (_, i) => {
    const mask = createRingMasks([{ seed: new Uint8Array(32).fill(i), sign: 1 }]);
    return cpuSeconds(() => {
      for (let start = 0; start < VALUES; start += SLICE) mask(values.subarray(start, start + SLICE));
    });
  });
  const draw = discreteGaussian(varianceOf(SIGMA), secureBytes());
  const drawSeconds = Array.from({ length: REPEATS }, () =>
    cpuSeconds(() => {
      for (let i = 0; i < DRAWS; i++) draw();
    }),
  );
  return {
    maskSeconds: significant(median(maskSeconds)),
    noiseMicroseconds: significant((median(drawSeconds) * 1e6) / DRAWS),
    ...(await dpSgdRatios()),
  };
}

/** Cases, and patches of a step. */
const CASES = 4;

async function dpSgdRatios() {
  await loadBackend();
  const plain = trainingSchema.parse({ patch: 32, spacing: 3, steps: 8, learningRate: 1e-3, batch: CASES });
  const single = { ...plain, batch: 1, accumulate: CASES };
  // Every step takes every case.
  const hidden = { ...plain, dpSgd: { clip: 1, noiseMultiplier: 1, delta: 1e-5 } };
  const task = TASKS.calcification;
  const cases = Array.from({ length: CASES }, (_, i) => inMemory(ballCase(`${i}`, 32, 3, [task.id])));
  const secondsOf = async (training: TrainingConfig) => {
    const before = process.cpuUsage();
    await trainRound({
      model: { kind: 'unet', features: [16, 32, 64], deepSupervision: true },
      ...{ training, tasks: [task], cases, global: undefined, optimizer: undefined, round: 1, rounds: 1, seed: 1 },
      site: 'bench',
      secret: new Uint8Array(32),
    });
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  };
  await secondsOf({ ...plain, steps: 1 });
  const seconds: Record<'plain' | 'single' | 'hidden', number[]> = { plain: [], single: [], hidden: [] };
  for (let i = 0; i < REPEATS; i++) {
    seconds.plain.push(await secondsOf(plain));
    seconds.single.push(await secondsOf(single));
    seconds.hidden.push(await secondsOf(hidden));
  }
  return {
    dpSgdRatio: significant(median(seconds.hidden) / median(seconds.plain)),
    accumulateRatio: significant(median(seconds.single) / median(seconds.plain)),
  };
}

function cpuSeconds(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
