import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { table } from '../cli/table.ts';
import type { ModelConfig } from '../lib/federation/schemas.ts';
import { PAPER_TASKS, TASKS } from '../lib/federation/tasks.ts';
import { CT_INTENSITY } from '../lib/imaging/intensity.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import { resample } from '../lib/imaging/resample.ts';
import type { Affine, Vec3 } from '../lib/imaging/volume.ts';
import { sha256Hex } from '../lib/json.ts';
import { initialWeights } from '../lib/models/initial-weights.ts';
import { encodePackage } from '../lib/models/package.ts';
import { generatePhantom } from '../lib/phantom/phantom.ts';
import { scannerOf } from '../lib/phantom/scanner.ts';
import { VERSION } from '../lib/version.ts';
import type { PredictFigures, PredictJob } from './predict/predict-process.ts';
import { runInProcess } from './processes/run-in-process.ts';

export const summary = 'predict --model on a CT of 512×512×400, all of which is searched: time and memory';

const PROCESS = fileURLToPath(new URL('predict/predict-process.ts', import.meta.url));
const SEED = 1;
const SHAPE = [512, 512, 400] as const;
const SPACING = [0.78, 0.78, 1] as const;
const AIR_HU = -1000;
/** Voxels of the model, mm, and sides of its windows. Memory depends on them and on the classes, hardly on the network. */
const RUNS = [
  { spacing: 3, patch: 48 },
  { spacing: 1, patch: 96 },
] as const;
/** Small, so that the windows take minutes, and untrained, so that every class is found all over the CT. */
const MODEL: ModelConfig = { kind: 'unet', features: [4, 8], deepSupervision: false };
const MODEL_TASKS = PAPER_TASKS.map((task) => TASKS[task]);

/**
 * Resamples a phantom to a CT of 512×512×400, and predicts it as the command does, in a process of its own.
 * FEDCARDIO_BENCH_SPACING limits the runs to one spacing.
 *
 * @returns by spacing: seconds, windows, and peak memory
 */
export async function run(): Promise<Readonly<Record<string, unknown>>> {
  const folder = mkdtempSync(join(tmpdir(), 'fedcardio-bench-'));
  const [ct, model] = [join(folder, 'ct.nii.gz'), join(folder, 'model.safetensors')];
  const only = process.env.FEDCARDIO_BENCH_SPACING;
  try {
    writeCt(ct);
    const figures: Record<string, PredictFigures> = {};
    for (const { spacing, patch } of RUNS.filter((each) => only === undefined || String(each.spacing) === only)) {
      writeFileSync(model, untrainedPackage(spacing, patch));
      const job: PredictJob = { ct, model, out: join(folder, String(spacing)) };
      figures[`${spacing} mm`] = await runInProcess<PredictFigures>(PROCESS, job);
    }
    const rows = Object.entries(figures).map(([name, { seconds, windows, peakRssMB }]) => [
      name,
      ...[windows, seconds, peakRssMB].map(String),
    ]);
    console.error(`${table(['512×512×400 at', 'windows', 'seconds', 'RSS MB'], rows).join('\n')}\n`);
    return figures;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The phantom, stretched to the size of a thorax. */
function writeCt(path: string): void {
  const { image } = generatePhantom({ seed: SEED, scanner: scannerOf(SEED, 1) });
  const { data } = resample(
    { ...image, affine: covering(image.shape) },
    { shape: SHAPE, affine: covering(SHAPE) },
    'linear',
    AIR_HU,
  );
  writeFileSync(path, writeNifti({ shape: SHAPE, affine: covering(SHAPE), data: Int16Array.from(data) }));
}

/** The affine of a grid of some voxels that covers the CT, in RAS, centred at 0. */
function covering(shape: Vec3): Affine {
  const [x, y, z] = ([0, 1, 2] as const).map((axis) => {
    const size = (SHAPE[axis] * SPACING[axis]) / shape[axis];
    return { size, start: ((1 - shape[axis]) * size) / 2 };
  }) as [Step, Step, Step];
  return [
    [x.size, 0, 0, x.start],
    [0, y.size, 0, y.start],
    [0, 0, z.size, z.start],
    [0, 0, 0, 1],
  ];
}

/** Side of a voxel, and position of the first one, mm. */
interface Step {
  readonly size: number;
  readonly start: number;
}

function untrainedPackage(spacing: number, patch: number): Uint8Array {
  const weights = initialWeights(MODEL, MODEL_TASKS, SEED);
  const origin = { campaign: 'bench', stage: 'untrained', round: 1, commit: sha256Hex('bench') };
  const sha256 = sha256Hex('untrained');
  const input = { model: MODEL, tasks: MODEL_TASKS, patch, spacing, heartCrop: null, intensity: CT_INTENSITY };
  return encodePackage({ ...input, weights, sha256, origin }, VERSION);
}
