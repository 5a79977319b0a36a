import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { table } from '../cli/table.ts';
import type { GradientJob, GradientResult } from './device/gradient-process.ts';
import { significant } from './figures/numbers.ts';
import type { TrainFigures, TrainJob } from './networks/train-process.ts';
import { figuresOf, runInProcess } from './processes/run-in-process.ts';

export const summary =
  'Full-size networks on this GPU: differences from the CPU, steps per second (scripts/gpu-check.sh)';

/**
 * Largest difference from the CPU that passes, of logits absolute, of gradients as a share of the largest. Without
 * TensorFloat-32, devices differ in the order of float32 sums only.
 */
const TOLERANCE = 1e-3;
/** On a GPU the networks and patches of examples/paper, on a CPU the small ones of the other benchmarks. */
const CHECKED = {
  gpu: [
    { network: 'unet-full', patch: 96, inTorch: true },
    { network: 'swin-unetr-48', patch: 96, inTorch: true },
  ],
  cpu: [
    { network: 'unet', patch: 32, inTorch: true },
    { network: 'swin-unetr-12', patch: 32, inTorch: false },
  ],
} as const;
const STEPS = { gpu: 20, cpu: 2 } as const;

const GRADIENT = fileURLToPath(new URL('device/gradient-process.ts', import.meta.url));
const TRAIN = fileURLToPath(new URL('networks/train-process.ts', import.meta.url));
const TORCH = fileURLToPath(new URL('../scripts/bench-torch.py', import.meta.url));

/**
 * For each network: the first weights' logits and gradients on the device, twice, and on the CPU; then training steps
 * on the device, and PyTorch's if FEDCARDIO_BENCH_TORCH names a Python that has it. The table goes to standard error.
 *
 * FEDCARDIO_BENCH_DEVICE=cpu runs the same on the CPU with small networks, to try the check itself.
 *
 * @returns by network: largest differences, whether two runs gave the same bytes, steps per second; `passed`
 * @throws Error if TensorFlow uses another device than was asked for
 */
export async function run(): Promise<Readonly<Record<string, number | string | boolean>>> {
  const device = process.env.FEDCARDIO_BENCH_DEVICE === 'cpu' ? 'cpu' : 'gpu';
  const python = process.env.FEDCARDIO_BENCH_TORCH;
  const figures: Record<string, number | string | boolean> = {};
  const rows: string[][] = [];
  const folder = await mkdtemp(join(tmpdir(), 'fedcardio-device-'));
  let passed = true;
  try {
    for (const { network, patch, inTorch } of CHECKED[device]) {
      // TensorFloat-32 rounds factors to 10 bits.
      const here = { NVIDIA_TF32_OVERRIDE: '0' };
      const first = await gradients(network, patch, join(folder, 'first'), here);
      if (first.device !== device) throw new Error(`TensorFlow uses ${first.description}, not the ${device}.`);
      const second = await gradients(network, patch, join(folder, 'second'), here);
      const onCpu = await gradients(network, patch, join(folder, 'cpu'), { CUDA_VISIBLE_DEVICES: '-1' });
      if (onCpu.device !== 'cpu') throw new Error(`The comparison ran on ${onCpu.description}, not the CPU.`);
      const logits = await largest(`${join(folder, 'first')}.logits`, `${join(folder, 'cpu')}.logits`);
      const gradient = await largest(`${join(folder, 'first')}.gradients`, `${join(folder, 'cpu')}.gradients`);
      const steps = STEPS[device];
      const job: TrainJob = { backend: 'native', network, patch, batch: 1, warmUp: 2, steps };
      const { stepsPerSecond } = await runInProcess<TrainFigures>(TRAIN, job);
      const args = [TORCH, network, ...[patch, 1, steps, 2].map(String)];
      const torch = python && inTorch ? (await figuresOf<TrainFigures>(python, args)).stepsPerSecond : undefined;
      const share = gradient.difference / gradient.size;
      const same = first.sha256 === second.sha256;
      passed &&= logits.difference <= TOLERANCE && share <= TOLERANCE;
      Object.assign(figures, {
        backend: first.description,
        [`${network}.logitsDifference`]: significant(logits.difference),
        [`${network}.gradientDifference`]: significant(share),
        [`${network}.sameTwice`]: same,
        [`${network}.stepsPerSecond`]: stepsPerSecond,
        ...(torch !== undefined && { [`${network}.torchStepsPerSecond`]: torch }),
      });
      rows.push([
        network,
        `${patch}³`,
        logits.difference.toExponential(1),
        share.toExponential(1),
        same ? 'yes' : 'no',
        String(stepsPerSecond),
        String(torch ?? '–'),
      ]);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  const head = ['network', 'patch', 'logits', 'gradients', 'same twice', 'steps/s', 'PyTorch'];
  console.error(
    `\n${table(head, rows).join('\n')}\n\n${passed ? 'Passed' : 'FAILED'}: at most ${TOLERANCE} allowed.\n`,
  );
  if (!passed) process.exitCode = 1;
  return { ...figures, tolerance: TOLERANCE, passed };
}

const gradients = (network: string, patch: number, file: string, env: NodeJS.ProcessEnv): Promise<GradientResult> =>
  runInProcess(
    GRADIENT,
    { network, patch, logits: `${file}.logits`, gradients: `${file}.gradients` } satisfies GradientJob,
    env,
  );

/** Largest absolute difference between two files of float32, and the second's largest absolute value. */
async function largest(
  file: string,
  reference: string,
): Promise<{ readonly difference: number; readonly size: number }> {
  const [values, expected] = await Promise.all([floats(file), floats(reference)]);
  if (values.length !== expected.length || values.length === 0) throw new Error(`${file} has another length.`);
  let [difference, size] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const d = Math.abs((values[i] as number) - (expected[i] as number));
    if (!(d <= difference)) difference = Number.isNaN(d) ? Number.POSITIVE_INFINITY : d;
    size = Math.max(size, Math.abs(expected[i] as number));
  }
  return { difference, size };
}

async function floats(file: string): Promise<Float32Array> {
  const bytes = await readFile(file);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
