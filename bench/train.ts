import { median, significant } from './figures/numbers.ts';
import { networks, onEachBackend } from './networks/networks.ts';
import { trainingOf, trainSteps } from './networks/steps.ts';

export const summary = 'Steps per second of UNet and Swin UNETR at patches of 32³ to 96³, native and WebAssembly';

/** Side of the patches in voxels, batch size, and number of timed steps. */
const SIZES = [
  { patch: 32, batch: 1, timed: { native: 16, wasm: 4 } },
  { patch: 64, batch: 1, timed: { native: 6, wasm: 2 } },
  { patch: 64, batch: 2, timed: { native: 4, wasm: 1 } },
  { patch: 96, batch: 1, timed: { native: 3, wasm: 1 } },
] as const;
/** Untimed first steps, which compile and allocate. */
const WARM_UP = { native: 2, wasm: 1 } as const;

/**
 * Trains networks on a phantom as a GPU task does, on each backend in this process. Skips a backend that does not load. The
 * table goes to standard error.
 *
 * @returns by backend, network, patch and batch: `stepsPerSecond` of the median step, and the slowest step in ms
 */
export const run = (): Promise<Readonly<Record<string, number | string>>> =>
  onEachBackend(['network', 'patch', 'batch', 'parameters', 'steps/s', 'slowest ms'], async (backend, figures, row) => {
    for (const { patch, batch, timed } of SIZES) {
      for (const network of networks()) {
        const seconds: number[] = [];
        let last = performance.now();
        await trainSteps(network, trainingOf(patch, WARM_UP[backend] + timed[backend], batch), () => {
          const now = performance.now();
          seconds.push((now - last) / 1000);
          last = now;
        });
        const after = seconds.slice(WARM_UP[backend]);
        const rate = significant(1 / median(after));
        const slowest = significant(1000 * Math.max(...after));
        const name = `${backend}.${network.name}.${patch}x${batch}`;
        figures[`${name}.stepsPerSecond`] = rate;
        figures[`${name}.slowestMs`] = slowest;
        row(network.name, `${patch}³`, String(batch), String(network.parameters), String(rate), String(slowest));
      }
    }
  });
