import { fileURLToPath } from 'node:url';
import { table } from '../cli/table.ts';
import { median, significant } from './figures/numbers.ts';
import { hasBackend, networks } from './networks/networks.ts';
import type { TrainFigures, TrainJob } from './networks/train-process.ts';
import { figuresOf, runInProcess } from './processes/run-in-process.ts';

export const summary = 'Steps per second of UNet and Swin UNETR, native, WebAssembly and PyTorch, by size and threads';

/** Side of the patches in voxels, batch size, and number of timed steps. */
const SIZES = [
  { patch: 32, batch: 1, steps: { native: 16, wasm: 4 } },
  { patch: 32, batch: 2, steps: { native: 16, wasm: 3 } },
  { patch: 64, batch: 1, steps: { native: 6, wasm: 2 } },
  { patch: 64, batch: 2, steps: { native: 4, wasm: 1 } },
  { patch: 96, batch: 1, steps: { native: 3, wasm: 1 } },
] as const;
const THREADS = [1, 2] as const;
/** Untimed first steps, which compile and allocate. */
const WARM_UP = { native: 2, wasm: 1 } as const;
/** PyTorch's Swin UNETR refuses 32³: its deepest stage has one voxel. */
const isInTorch = (network: string, patch: number): boolean =>
  network === 'unet' || (network === 'swin-unetr-12' && patch > 32);

const PROCESS = fileURLToPath(new URL('networks/train-process.ts', import.meta.url));
const TORCH = fileURLToPath(new URL('../scripts/bench-torch.py', import.meta.url));

/**
 * Trains networks on a phantom as a GPU task does, for each number of threads. Every run is a process of its own, and
 * the runs of a row alternate, so that TensorFlow and PyTorch meet the same load. Skips a backend that does not load.
 * The table goes to standard error.
 *
 * FEDCARDIO_BENCH_TORCH is a Python with the packages of scripts/bench-torch.py; without it PyTorch is skipped.
 * FEDCARDIO_BENCH_SIZES="unet.32x2;unet.64x1" selects rows, FEDCARDIO_BENCH_REPEATS sets the number of runs (3).
 *
 * @returns by network, patch, batch, threads and backend the medians of the runs; `ratio` and `cpuRatio` say how many
 *   times as fast as PyTorch native TensorFlow is, by time and by processor time
 */
export async function run(): Promise<Readonly<Record<string, number | string>>> {
  const wanted = process.env.FEDCARDIO_BENCH_SIZES?.split(';');
  const available = { native: await hasBackend('native'), wasm: await hasBackend('wasm') };
  const python = process.env.FEDCARDIO_BENCH_TORCH;
  const figures: Record<string, number | string> = {};
  const rows: string[][] = [];
  for (const { patch, batch, steps } of SIZES) {
    for (const { name: network } of networks()) {
      const size = `${network}.${patch}x${batch}`;
      if (wanted && !wanted.includes(size)) continue;
      for (const threads of THREADS) {
        const ours = (backend: TrainJob['backend']) => () =>
          runInProcess<TrainFigures>(
            PROCESS,
            { backend, network, patch, batch, steps: steps[backend], warmUp: WARM_UP[backend] } satisfies TrainJob,
            { TF_NUM_INTRAOP_THREADS: String(threads) },
          );
        const torch = (command: string) => () =>
          figuresOf<TrainFigures>(command, [TORCH, ...[network, patch, batch, steps.native, threads].map(String)]);
        const medians = await alternating({
          ...(available.native && { native: ours('native') }),
          ...(python && isInTorch(network, patch) && { torch: torch(python) }),
          // It has one thread.
          ...(available.wasm && threads === 1 && { wasm: ours('wasm') }),
        });
        Object.assign(figures, prefixed(`${size}.${threads}`, medians));
        rows.push(rowOf([network, `${patch}³ × ${batch}`, String(threads)], medians));
        console.error(`  ${rows.at(-1)?.join('  ')}`);
      }
    }
  }
  const head = ['network', 'patch × batch', 'threads', 'native', 'PyTorch', 'ratio', 'by CPU time', 'WebAssembly'];
  console.error(`\n${table(head, rows).join('\n')}\n`);
  return figures;
}

type Medians = Readonly<Partial<Record<'native' | 'torch' | 'wasm', TrainFigures>>>;

/** Medians of several runs of each, one after another in turn. WebAssembly runs once. */
async function alternating(
  runs: Readonly<Partial<Record<keyof Medians, () => Promise<TrainFigures>>>>,
): Promise<Medians> {
  const repeats = Number(process.env.FEDCARDIO_BENCH_REPEATS ?? 3);
  const found = Object.keys(runs).map((name) => [name, [] as TrainFigures[]] as const);
  for (let i = 0; i < repeats; i++) {
    for (const [name, all] of found) {
      if (name !== 'wasm' || i === 0) all.push(await (runs[name as keyof Medians] as () => Promise<TrainFigures>)());
    }
  }
  return Object.fromEntries(
    found.map(([name, all]) => {
      const of = (figure: 'stepsPerSecond' | 'slowestMs' | 'cpuMs') => median(all.map((one) => one[figure]));
      const backend = all[0]?.backend ?? '';
      return [name, { backend, stepsPerSecond: of('stepsPerSecond'), slowestMs: of('slowestMs'), cpuMs: of('cpuMs') }];
    }),
  );
}

/** How many times as fast as PyTorch, by time and by processor time. */
const ratiosOf = ({ native, torch }: Medians) =>
  native && torch
    ? {
        ratio: significant(native.stepsPerSecond / torch.stepsPerSecond),
        cpuRatio: significant(torch.cpuMs / native.cpuMs),
      }
    : {};

const prefixed = (prefix: string, medians: Medians): Record<string, number | string> =>
  Object.fromEntries([
    ...Object.entries(medians).flatMap(([backend, figures]) =>
      Object.entries(figures).map(([name, value]) => [`${prefix}.${backend}.${name}`, value] as const),
    ),
    ...Object.entries(ratiosOf(medians)).map(([name, value]) => [`${prefix}.${name}`, value] as const),
  ]);

function rowOf(cells: readonly string[], medians: Medians): string[] {
  const { ratio, cpuRatio } = ratiosOf(medians);
  const { native, torch, wasm } = medians;
  const values = [native?.stepsPerSecond, torch?.stepsPerSecond, ratio, cpuRatio, wasm?.stepsPerSecond];
  return [...cells, ...values.map((value) => String(value ?? '–'))];
}
