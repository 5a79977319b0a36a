import { trainingSchema } from '../lib/federation/schemas.ts';
import type { PreparedCase } from '../lib/training/cases.ts';
import { trainRound } from '../lib/training/train-round.ts';
import {
  type BenchNetwork,
  FIELD_OF_VIEW_MM,
  median,
  networks,
  onEachBackend,
  preparedPhantom,
  SEED,
  significant,
} from './networks/networks.ts';

export const summary = 'Steps per second of UNet and Swin UNETR at patches of 32³ to 96³, native and WebAssembly';

/** Steps by side of the patch. The first ones compile and allocate, and are not timed. */
const STEPS = {
  native: { warmUp: 2, timed: { 32: 16, 64: 6, 96: 3 } },
  wasm: { warmUp: 1, timed: { 32: 4, 64: 2, 96: 1 } },
} as const;
const PATCHES = [32, 64, 96] as const;

/**
 * Trains networks on a phantom as a task does, patch, loss, gradient and AdamW included, one backend after the other in
 * this process. Patches of all sizes see the same 96 mm. A backend that does not load is left out. The table goes to
 * standard error.
 *
 * @returns by backend, network and patch: `stepsPerSecond` from the median step, and the slowest step in ms
 */
export const run = (): Promise<Readonly<Record<string, number | string>>> =>
  onEachBackend(['network', 'patch', 'parameters', 'steps/s', 'slowest ms'], async (backend, figures, row) => {
    const { warmUp, timed } = STEPS[backend];
    for (const patch of PATCHES) {
      const cases = [preparedPhantom(FIELD_OF_VIEW_MM / patch)];
      for (const network of networks()) {
        const seconds = await stepSeconds(network, patch, cases, warmUp, timed[patch]);
        const rate = significant(1 / median(seconds));
        const slowest = significant(1000 * Math.max(...seconds));
        figures[`${backend}.${network.name}.${patch}.stepsPerSecond`] = rate;
        figures[`${backend}.${network.name}.${patch}.slowestMs`] = slowest;
        row(network.name, `${patch}³`, String(network.parameters), String(rate), String(slowest));
      }
    }
  });

async function stepSeconds(
  { model, tasks }: BenchNetwork,
  patch: number,
  cases: readonly PreparedCase[],
  warmUp: number,
  timed: number,
): Promise<readonly number[]> {
  const seconds: number[] = [];
  let last = performance.now();
  const spacing = FIELD_OF_VIEW_MM / patch;
  await trainRound({
    model,
    training: trainingSchema.parse({ patch, spacing, steps: warmUp + timed, learningRate: 1e-3 }),
    tasks,
    cases,
    global: undefined,
    optimizer: undefined,
    round: 1,
    rounds: 1,
    seed: SEED,
    site: 'bench',
    onStep: () => {
      const now = performance.now();
      seconds.push((now - last) / 1000);
      last = now;
    },
  });
  return seconds.slice(warmUp);
}
