import { createNetwork } from '../lib/models/network.ts';
import type { PreparedImage } from '../lib/training/cases.ts';
import { predictTasks } from '../lib/training/infer.ts';
import { median, significant } from './figures/numbers.ts';
import {
  type BenchNetwork,
  FIELD_OF_VIEW_MM,
  networks,
  onEachBackend,
  preparedPhantom,
  SEED,
} from './networks/networks.ts';

export const summary = 'Seconds per volume by sliding windows, UNet and Swin UNETR, native and WebAssembly';

/** Side of the volume and of the windows in voxels. Windows overlap by half; MONAI's network takes multiples of 32. */
const VOLUME = 96;
const windowOf = ({ model }: BenchNetwork): number =>
  model.kind === 'swin-unetr' && model.depths.length === 4 ? 64 : 48;
const TIMED = { native: 3, wasm: 1 } as const;

/**
 * Predicts a phantom at 1 mm as a GPU task does, including decoding. Skips a backend that does not load. The table goes
 * to standard error.
 *
 * @returns by backend and network: `secondsPerVolume`, the median
 */
export const run = (): Promise<Readonly<Record<string, number | string>>> =>
  onEachBackend(['network', 'volume', 'window', 'seconds'], async (backend, figures, row) => {
    const { image } = preparedPhantom(FIELD_OF_VIEW_MM / VOLUME);
    const sides = image.shape.join('×');
    for (const network of networks()) {
      const seconds = significant(median(await volumeSeconds(network, image, TIMED[backend])));
      figures[`${backend}.${network.name}.secondsPerVolume`] = seconds;
      row(network.name, sides, `${windowOf(network)}³`, String(seconds));
    }
  });

/** Seconds of each prediction after an untimed first one. */
async function volumeSeconds(
  benchNetwork: BenchNetwork,
  image: PreparedImage,
  timed: number,
): Promise<readonly number[]> {
  const network = createNetwork(benchNetwork.model, benchNetwork.tasks, SEED);
  const seconds: number[] = [];
  for (let i = 0; i <= timed; i++) {
    const start = performance.now();
    await predictTasks(network, image, image, windowOf(benchNetwork), benchNetwork.tasks);
    seconds.push((performance.now() - start) / 1000);
  }
  network.dispose();
  return seconds.slice(1);
}
