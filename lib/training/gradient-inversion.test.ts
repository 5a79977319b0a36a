import { beforeAll, expect, test } from 'vitest';
import { TASKS } from '../federation/tasks.ts';
import { createNetwork } from '../models/network.ts';
import { loadBackend } from '../nn/backend.ts';
import { normal, seededRandom } from '../random.ts';
import { clippedWithNoise, cosineByImage, gradientOf, type Inversion, invertGradient } from './gradient-inversion.ts';
import { similarityOf } from './image-similarity.ts';
import { cutPatch } from './patches.ts';
import { ballCase } from './testing-cases.ts';
import { toyTraining } from './testing-round.ts';

const SIDE = 8;
let attack: Inversion;
let truth: Float32Array;
let observed: Float32Array;

beforeAll(async () => {
  await loadBackend();
  const tasks = [TASKS.calcification];
  const network = createNetwork({ kind: 'unet', features: [8, 16], deepSupervision: true }, tasks, 3, 'learnt');
  const found = ballCase('a', 16, 6, ['calcification']);
  const patch = cutPatch(found, tasks, { side: SIDE, spacing: 12, augment: false }, seededRandom('patch', 4));
  truth = patch.image;
  attack = { network, side: SIDE, training: toyTraining, targets: patch.targets };
  observed = gradientOf(attack, truth);
});

test('the gradient of the cosine points uphill, and the weights stay as they were', () => {
  const random = seededRandom('gradient');
  const before = attack.network.read();
  const image = Float32Array.from(truth, (value) => value + 0.5 * normal(random));

  const { byImage } = cosineByImage(attack, image, observed);

  const length = Math.hypot(...byImage);
  const cosineAt = (step: number) => {
    const moved = image.map((value, i) => value + (step * (byImage[i] as number)) / length);
    return cosineByImage(attack, moved, observed).cosine;
  };
  // The kinks of the leaky ReLUs make the difference noisy: it points uphill, and is longer than the slope.
  const slope = (cosineAt(1e-2) - cosineAt(-1e-2)) / 2e-2;
  expect(slope).toBeGreaterThan(0.15 * length);
  expect(attack.network.read()).toEqual(before);
});

test('a reconstruction comes nearer to the gradient, and shows something of the image', async () => {
  const { image, cosine } = await invertGradient(attack, observed, [-6, 6], seededRandom('inversion'), {
    iterations: 150,
  });

  expect(cosine).toBeGreaterThan(0.5);
  expect(similarityOf(truth, image).correlation).toBeGreaterThan(0.15);
});

test('clipping bounds the norm, and noise hides the direction', () => {
  const norm = (values: Float32Array) => Math.hypot(...values);
  const clipped = clippedWithNoise(observed, 0.5, 0, seededRandom('noise'));
  const noisy = clippedWithNoise(observed, 0.5, 1, seededRandom('noise'));

  expect(norm(clipped)).toBeLessThanOrEqual(0.5001);
  const cosine =
    noisy.reduce((sum, value, i) => sum + value * (observed[i] as number), 0) / (norm(noisy) * norm(observed));
  expect(Math.abs(cosine)).toBeLessThan(0.2);
});

test('an image is like itself whatever its brightness and contrast, and not like noise', () => {
  const random = seededRandom('similarity');
  const noise = Float32Array.from(truth, () => normal(random));

  const same = similarityOf(
    truth,
    truth.map((value) => 3 * value - 2),
  );
  const other = similarityOf(truth, noise);

  expect(same.correlation).toBeCloseTo(1, 5);
  expect(same.ssim).toBeGreaterThan(0.99);
  expect(same.psnr).toBeGreaterThan(50);
  expect(Math.abs(other.correlation)).toBeLessThan(0.2);
});
