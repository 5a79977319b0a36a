import { discreteGaussian, varianceOf } from '../lib/privacy/discrete-gaussian.ts';
import { secureBytes } from '../lib/privacy/random-bytes.ts';
import { createRingMasks } from '../lib/privacy/ring-masks.ts';
import { median, significant } from './figures/numbers.ts';

export const summary = 'CPU seconds of a mask and of discrete noise, for an update of 65 million values';

const VALUES = 65_000_000;
const SLICE = 1_000_000;
const DRAWS = 200_000;
const REPEATS = 3;
/** Standard deviation of the noise, in steps of the fixed point. */
const SIGMA = 2 ** 20;

/** @returns `maskSeconds`: one mask added to 65 million values; `noiseMicroseconds`: one draw */
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
  };
}

function cpuSeconds(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
