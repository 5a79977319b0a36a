import { table } from '../cli/table.ts';
import { createKernels } from '../lib/aggregation/kernels.ts';
import { createPrivateSum } from '../lib/aggregation/private-sum.ts';
import { type ModelConfig, type TrainingConfig, trainingSchema } from '../lib/federation/schemas.ts';
import { TASKS } from '../lib/federation/tasks.ts';
import { initialWeights } from '../lib/models/initial-weights.ts';
import { headOf } from '../lib/models/parameters.ts';
import { loadBackend } from '../lib/nn/backend.ts';
import { generatePhantom } from '../lib/phantom/phantom.ts';
import { scannerOf } from '../lib/phantom/scanner.ts';
import { noiseFor } from '../lib/privacy/accountant.ts';
import { differenceNorm, dimensionOf, privateUpdate } from '../lib/privacy/private-update.ts';
import { derivedKey, noiseGrid, noiseOf } from '../lib/privacy/round-noise.ts';
import { type CaseSource, inMemory, preparationOf, prepareImage } from '../lib/training/cases.ts';
import { bodyOf, pick } from '../lib/training/local-parameters.ts';
import { trainRound } from '../lib/training/train-round.ts';
import { validationLoss } from '../lib/training/validation-loss.ts';
import { sortedNames, type Weights } from '../lib/weights/weights.ts';
import { median, significant } from './figures/numbers.ts';

export const summary = 'Loss on unseen phantoms with central noise at ε 1, 3, 8 and without, unit site';

const SITES = 8;
const CASES = 3;
const HELD_OUT = 6;
const ROUNDS = 8;
const SEEDS = [1, 2, 3];
const DELTA = 1e-3;
const EPSILONS = [Number.POSITIVE_INFINITY, 8, 3, 1];
const TASK = TASKS['hinge-points'];
const MODEL: ModelConfig = { kind: 'unet', features: [8, 16], deepSupervision: true };
const training: TrainingConfig = trainingSchema.parse({
  patch: 24,
  spacing: 4,
  heartCrop: null,
  steps: 6,
  learningRate: 1e-2,
  warmup: 0,
  batch: 2,
  keepOptimizer: false,
});
/** Steps of the body that the heads are trained on, on phantoms of nobody's. */
const PUBLIC = { cases: 12, steps: 96 };

type Trained = 'network' | 'head';

/**
 * Trains a network of eight sites with the coordinator's noise, as a campaign does: all of it, and only its last layer on a body
 * that was trained on other phantoms. The table goes to standard error.
 *
 * @returns by what is trained and ε: medians of the losses after the last round, and noise and size of a round's mean
 */
export async function run(): Promise<Readonly<Record<string, number | string>>> {
  await loadBackend();
  const figures: Record<string, number | string> = {};
  const rows: string[][] = [];
  const seeds = (process.env.FEDCARDIO_BENCH_SEEDS?.split(',').map(Number) ?? SEEDS).map(material);
  for (const trained of ['network', 'head'] as const) {
    const worlds: World[] = [];
    for (const seed of seeds) worlds.push(await worldOf(seed, trained));
    const before: number[] = [];
    for (const world of worlds) before.push(await lossOf(world, world.start));
    figures[`${trained}.values`] = dimensionOf((worlds[0] as World).start);
    figures[`${trained}.before`] = significant(median(before));
    for (const epsilon of EPSILONS) {
      const name = Number.isFinite(epsilon) ? String(epsilon) : 'none';
      const results = [];
      for (const world of worlds) results.push(await campaign(world, epsilon));
      const losses = results.map(({ loss }) => loss);
      figures[`${trained}.${name}.loss`] = significant(median(losses));
      figures[`${trained}.${name}.losses`] = losses.map(significant).join(' ');
      figures[`${trained}.${name}.noise`] = significant(median(results.map(({ noise }) => noise)));
      const relative = significant(median(results.map(({ relative }) => relative)));
      figures[`${trained}.${name}.relative`] = relative;
      const loss = significant(median(losses));
      rows.push(
        [trained, name, figures[`${trained}.${name}.noise`], relative, median(before).toFixed(2), loss].map(String),
      );
      console.error(rows.at(-1)?.join('  '));
    }
  }
  console.error(`\n${table(['trained', 'ε', 'noise / clip', 'noise / update', 'before', 'after'], rows).join('\n')}\n`);
  return figures;
}

interface Material {
  readonly seed: number;
  readonly sites: readonly (readonly CaseSource[])[];
  readonly heldOut: readonly CaseSource[];
  readonly public: readonly CaseSource[];
}

interface World extends Material {
  readonly body?: Weights;
  /** What every site starts from. */
  readonly start: Weights;
  /** Median norm of the updates of a first round. */
  readonly clip: number;
}

function material(seed: number): Material {
  let next = seed * 1000;
  const cases = (count: number) => Array.from({ length: count }, () => phantom(next++));
  return {
    seed,
    sites: Array.from({ length: SITES }, () => cases(CASES)),
    heldOut: cases(HELD_OUT),
    public: cases(PUBLIC.cases),
  };
}

function phantom(seed: number): CaseSource {
  const { image, points } = generatePhantom({ seed, scanner: { ...scannerOf(seed, 1), pixelMm: 3.1, sliceMm: 3.7 } });
  const landmarks = points['hinge-points'].map((position, index) => ({ label: index + 1, position }));
  const targets = new Map([[TASK.id, { kind: 'points' as const, points: landmarks }]]);
  return inMemory({ id: `p${seed}`, image: prepareImage(image, preparationOf(training)), targets });
}

async function worldOf(of: Material, trained: Trained): Promise<World> {
  const all = initialWeights(MODEL, [TASK], of.seed);
  const heads = new Set([...all.keys()].filter((name) => headOf(name) !== undefined));
  const world =
    trained === 'network' ? { ...of, start: all } : { ...of, start: pick(all, heads), body: await publicBody(of) };
  const norms: number[] = [];
  for (const site of of.sites.keys())
    norms.push(differenceNorm(await updateOf(world, world.start, site, 1), world.start));
  return { ...world, clip: median(norms) };
}

async function publicBody({ seed, public: cases }: Material): Promise<Weights> {
  const many = { ...training, steps: PUBLIC.steps };
  const of = { model: MODEL, training: many, tasks: [TASK], cases, global: undefined, optimizer: undefined };
  return bodyOf((await trainRound({ ...of, round: 1, rounds: 1, seed, site: 'public' })).weights);
}

async function updateOf(
  { seed, sites, body }: Pick<World, 'seed' | 'sites' | 'body'>,
  global: Weights,
  site: number,
  round: number,
): Promise<Weights> {
  const cases = sites[site] as readonly CaseSource[];
  const of = { model: MODEL, training, tasks: [TASK], cases, global, optimizer: undefined, ...(body && { body }) };
  return (await trainRound({ ...of, round, rounds: ROUNDS, seed, site: `site${site}` })).weights;
}

const lossOf = async ({ seed, heldOut, body }: World, global: Weights): Promise<number> => {
  const of = { model: MODEL, training, tasks: [TASK], cases: heldOut, seed, global, local: undefined };
  return (await validationLoss({ ...of, ...(body && { body }) }))?.loss ?? Number.NaN;
};

async function campaign(world: World, epsilon: number) {
  const { clip, seed } = world;
  const noiseMultiplier = Number.isFinite(epsilon) ? noiseFor({ epsilon, delta: DELTA, count: ROUNDS, rate: 1 }) : 0;
  const dimension = dimensionOf(world.start);
  const { step, sigma } = noiseGrid({ clip, noiseMultiplier }, dimension);
  let global = world.start;
  const relative: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const updates: Weights[] = [];
    for (const site of world.sites.keys()) {
      updates.push(
        privateUpdate(await updateOf(world, global, site, round), global, { clip, noiseMultiplier }).weights,
      );
    }
    const key = derivedKey(new Uint8Array(32), 'bench', seed, epsilon, round);
    const draw = sigma > 0 ? noiseOf(sigma, key) : undefined;
    const plain = merged(global, updates, { clip, divisor: SITES, step });
    const noisy = merged(global, updates, { clip, divisor: SITES, step }, draw);
    relative.push(differenceNorm(noisy, plain) / differenceNorm(plain, global));
    global = noisy;
  }
  return { loss: await lossOf(world, global), noise: noiseMultiplier, relative: median(relative) };
}

function merged(
  base: Weights,
  updates: readonly Weights[],
  terms: Parameters<typeof createPrivateSum>[1],
  draw?: () => number,
): Weights {
  const kernels = createKernels();
  return new Map(
    sortedNames(base).map((name) => {
      const from = base.get(name)!;
      const sum = createPrivateSum(from.data.length, terms, kernels, draw);
      for (const update of updates) sum.add(update.get(name)!.data, from.data, 1);
      const data = new Float32Array(from.data.length);
      sum.finish(from.data, data);
      return [name, { ...from, data }];
    }),
  );
}
