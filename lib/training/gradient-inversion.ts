import { setImmediate } from 'node:timers/promises';
import type { TrainingConfig } from '../federation/schemas.ts';
import type { Network } from '../models/network.ts';
import { tf } from '../nn/tf.ts';
import { normal, type Random } from '../random.ts';
import { networkLoss } from './multi-head-loss.ts';
import type { Patch } from './patches.ts';

/**
 * Gradient inversion (Geiping et al. 2020, "Inverting Gradients"): finds an image whose gradient points where an observed one
 * does. The attacker has the network, the loss and, as in the worst case, the true target of the patch.
 *
 * The attack needs the gradient by the image of the cosine between two gradients by the weights. It is taken without second
 * derivatives, which the kernels do not have: ∇ₓ(∇_w L · v) is the derivative of ∇ₓL along v in the weights, by a central
 * difference.
 */

export interface Inversion {
  /** Made with the image as `learnt`. */
  readonly network: Network;
  /** Side of the patch, voxels. */
  readonly side: number;
  readonly training: TrainingConfig;
  /** What is known of the patch; its image is not read. */
  readonly targets: Patch['targets'];
}

export interface InversionOptions {
  readonly iterations: number;
  readonly onIteration?: (done: number, cosine: number) => void;
}

/** Step of the central difference, as a share of the norm of the weights. */
const DIFFERENCE = 1e-3;
/** Weight of the total variation, as in the paper's experiments. */
const SMOOTHNESS = 1e-2;
const LEARNING_RATE = 0.1;

/** The gradient of the loss on one patch by all weights, joined in their order. */
export function gradientOf({ network, side, training, targets }: Inversion, image: Float32Array): Float32Array {
  const list = [...network.variables.values()];
  const parts = tf.tidy(() => {
    const loss = () => networkLoss(network, [{ image, targets }], side, training);
    const { grads } = tf.variableGrads(loss, list);
    return list.map((variable) =>
      Float32Array.from(grads[variable.name]?.dataSync() ?? new Float32Array(variable.size)),
    );
  });
  return joined(parts);
}

/** The gradient of the loss by the image, at the network's weights. */
function imageGradient({ network, side, training, targets }: Inversion, image: Float32Array): Float32Array {
  return tf.tidy(() => {
    const patch = { image, targets };
    const x = tf.tensor5d(image, [1, side, side, side, 1]);
    const f = (input: tf.Tensor) =>
      networkLoss(network, [patch], side, training, network.features(input as tf.Tensor5D));
    return Float32Array.from(tf.grad(f)(x).dataSync());
  });
}

/** Cosine of the gradient on an image with an observed one, and its gradient by the image. */
export function cosineByImage(attack: Inversion, image: Float32Array, observed: Float32Array) {
  const gradient = gradientOf(attack, image);
  const [own, other] = [normOf(gradient), normOf(observed)];
  const cosine = own === 0 || other === 0 ? 0 : dot(gradient, observed) / (own * other);
  // ∂cosine/∂gradient
  const direction = gradient.map((value, i) => ((observed[i] as number) / other - (cosine * value) / own) / own);
  const length = normOf(direction);
  if (!(length > 0)) return { cosine, byImage: new Float32Array(image.length) };
  const step = (DIFFERENCE * normOf(weightsOf(attack.network))) / length;
  const ahead = shifted(attack, direction, step, image);
  const behind = shifted(attack, direction, -step, image);
  return { cosine, byImage: ahead.map((value, i) => (value - (behind[i] as number)) / (2 * step)) };
}

/** The image's gradient at weights that are moved along a direction. The weights are put back to the bit. */
function shifted(attack: Inversion, direction: Float32Array, step: number, image: Float32Array): Float32Array {
  const { network } = attack;
  const before = network.read();
  let at = 0;
  const moved = new Map(
    [...before].map(([name, tensor]) => {
      const data = Float32Array.from(tensor.data, (value) => value + step * (direction[at++] as number));
      return [name, { ...tensor, data }] as const;
    }),
  );
  try {
    network.load(moved);
    return imageGradient(attack, image);
  } finally {
    network.load(before);
  }
}

/**
 * Reconstructs a patch from a gradient: signed Adam on one minus the cosine, plus total variation, from noise.
 *
 * @param range lowest and highest value that an image can have
 */
export async function invertGradient(
  attack: Inversion,
  observed: Float32Array,
  range: readonly [number, number],
  random: Random,
  { iterations, onIteration }: InversionOptions,
): Promise<{ readonly image: Float32Array; readonly cosine: number }> {
  const { side } = attack;
  const image = Float32Array.from({ length: side ** 3 }, () => normal(random));
  const [first, second] = [new Float32Array(image.length), new Float32Array(image.length)];
  let best = { image: image.slice(), cosine: Number.NEGATIVE_INFINITY };
  for (let step = 1; step <= iterations; step++) {
    const { cosine, byImage } = cosineByImage(attack, image, observed);
    if (cosine > best.cosine) best = { image: image.slice(), cosine };
    onIteration?.(step, cosine);
    const smoothness = totalVariationGradient(image, side);
    const share = step / iterations;
    const rate = LEARNING_RATE * (share > 0.75 ? 0.1 : share > 0.5 ? 0.3 : 1);
    for (let i = 0; i < image.length; i++) {
      const slope = Math.sign(-(byImage[i] as number) + (SMOOTHNESS * (smoothness[i] as number)) / image.length);
      first[i] = 0.9 * (first[i] as number) + 0.1 * slope;
      second[i] = 0.999 * (second[i] as number) + 0.001 * slope * slope;
      const move =
        (first[i] as number) / (1 - 0.9 ** step) / (Math.sqrt((second[i] as number) / (1 - 0.999 ** step)) + 1e-8);
      image[i] = Math.min(range[1], Math.max(range[0], (image[i] as number) - rate * move));
    }
    await setImmediate();
  }
  return best;
}

/** Subgradient of the sum of absolute differences of neighbours. */
function totalVariationGradient(image: Float32Array, side: number): Float32Array {
  const slopes = new Float32Array(image.length);
  for (const stride of [1, side, side * side]) {
    for (let i = 0; i < image.length; i++) {
      if (Math.floor(i / stride) % side === side - 1) continue;
      const sign = Math.sign((image[i + stride] as number) - (image[i] as number));
      slopes[i] = (slopes[i] as number) - sign;
      slopes[i + stride] = (slopes[i + stride] as number) + sign;
    }
  }
  return slopes;
}

const weightsOf = (network: Network): Float32Array =>
  joined([...network.read().values()].map(({ data }) => Float32Array.from(data)));

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const dot = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
const normOf = (values: Float32Array): number => Math.sqrt(dot(values, values));

/** The first step of AdamW along a gradient, per unit of the learning rate: close to its signs. What a site sends shows it. */
export const adamStep = (gradient: Float32Array): Float32Array =>
  gradient.map((value) => value / (Math.abs(value) + 1e-8));

/** A gradient that is clipped to a norm, with normal noise of `multiplier` times this norm on every value. */
export function clippedWithNoise(
  gradient: Float32Array,
  clip: number,
  multiplier: number,
  random: Random,
): Float32Array {
  const factor = Math.min(1, clip / normOf(gradient));
  return gradient.map((value) => value * factor + multiplier * clip * normal(random));
}
