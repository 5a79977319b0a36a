import { FedcardioError } from '../../lib/error.ts';
import { createNetwork } from '../../lib/models/network.ts';
import type { TrainedModel } from '../../lib/models/package.ts';
import { seededRandom } from '../../lib/random.ts';
import type { CaseSource, PreparedCase } from '../../lib/training/cases.ts';
import {
  adamStep,
  clippedWithNoise,
  gradientOf,
  type Inversion,
  invertGradient,
} from '../../lib/training/gradient-inversion.ts';
import { type Similarity, similarityOf } from '../../lib/training/image-similarity.ts';
import { cutPatch } from '../../lib/training/patches.ts';
import type { Imitated } from '../../lib/training/shadow-models.ts';

/** What an attacker sees of the step. */
const SEEN = ['gradient', 'step of AdamW', 'gradient with clipping and noise'] as const;

export interface InversionResult {
  readonly side: number;
  readonly attempts: readonly InversionAttempt[];
}

export interface InversionAttempt {
  readonly seen: (typeof SEEN)[number];
  /** Cosine of the reconstruction's gradient with what was seen. */
  readonly cosine: number;
  readonly truth: Similarity;
  /** Correlations with other patches of the site: what chance gives. */
  readonly others: { readonly mean: number; readonly most: number; readonly patches: number };
  /** `recognised`: nearer to the true patch than to any other, and alike. */
  readonly verdict: 'recognised' | 'undecided' | 'failed';
}

export interface InversionPictures {
  readonly truth: Float32Array;
  readonly images: readonly { readonly seen: string; readonly image: Float32Array }[];
}

const OTHERS = 20;
/** Correlation from which on a reconstruction shows the patch. */
const ALIKE = 0.5;

interface Options {
  readonly side: number;
  readonly iterations: number;
  readonly clip: number;
  readonly noiseMultiplier: number;
  readonly seed: number;
  readonly onIteration: (done: number, total: number) => void;
}

/** Inverts the gradient of one step on one patch of the first readable case, as three attackers see it. */
export async function attackInversion(
  { model, weights }: Pick<TrainedModel, 'model' | 'weights'>,
  { training, tasks }: Imitated,
  cases: readonly CaseSource[],
  options: Options,
): Promise<InversionResult & { readonly pictures: InversionPictures }> {
  const { side, iterations, clip, noiseMultiplier, seed, onIteration } = options;
  if (model.kind !== 'unet') {
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      'Gradient inversion needs a UNet: a Swin UNETR computes no gradient by its image.',
    );
  }
  const read = await readFirst(cases, 5);
  const cut = (from: PreparedCase, index: number) =>
    cutPatch(
      from,
      tasks,
      { side, spacing: training.spacing, augment: false },
      seededRandom('inversion', seed, from.id, index),
    );
  const patch = cut(read[0] as PreparedCase, 0);
  const others = Array.from(
    { length: OTHERS },
    (_, index) => cut(read[index % read.length] as PreparedCase, index + 1).image,
  );
  const network = createNetwork(model, tasks, seed, 'learnt');
  try {
    network.load(weights);
    const attack: Inversion = { network, side, training, targets: patch.targets };
    const gradient = gradientOf(attack, patch.image);
    const seen = {
      gradient,
      'step of AdamW': adamStep(gradient),
      'gradient with clipping and noise': clippedWithNoise(
        gradient,
        clip,
        noiseMultiplier,
        seededRandom('defence', seed),
      ),
    };
    const range = rangeOf([patch.image, ...others]);
    const attempts: InversionAttempt[] = [];
    const images: { seen: string; image: Float32Array }[] = [];
    for (const [index, name] of SEEN.entries()) {
      const { image, cosine } = await invertGradient(attack, seen[name], range, seededRandom('start', seed), {
        iterations,
        onIteration: (done) => onIteration(index * iterations + done, SEEN.length * iterations),
      });
      const truth = similarityOf(patch.image, image);
      const chance = others.map((other) => similarityOf(other, image).correlation);
      const most = Math.max(...chance);
      const mean = chance.reduce((sum, value) => sum + value, 0) / chance.length;
      const verdict = truth.correlation <= most ? 'failed' : truth.correlation >= ALIKE ? 'recognised' : 'undecided';
      attempts.push({ seen: name, cosine, truth, others: { mean, most, patches: OTHERS }, verdict });
      images.push({ seen: name, image });
    }
    return { side, attempts, pictures: { truth: patch.image, images } };
  } finally {
    network.dispose();
  }
}

/** The first readable cases. @throws FedcardioError `NO_DATA` without one */
async function readFirst(cases: readonly CaseSource[], most: number): Promise<readonly PreparedCase[]> {
  const read: PreparedCase[] = [];
  for (const source of cases) {
    const found = await source.load();
    if (found && read.push(found) === most) break;
  }
  if (read.length === 0) throw new FedcardioError('NO_DATA', 'No labelled training case can be read.');
  return read;
}

function rangeOf(images: readonly Float32Array[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const image of images) for (const value of image) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return [low, high];
}
