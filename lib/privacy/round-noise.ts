import { createHmac } from 'node:crypto';
import { discreteGaussian, varianceOf } from './discrete-gaussian.ts';
import { roundedNorm } from './distributed-noise.ts';
import { derivedBytes } from './random-bytes.ts';

/** Steps of the fixed point within the clip. More would cost no bytes, fewer would add to the noise of a large network. */
const STEPS = 2 ** 20;

/** The largest noise that the sampler has room for. */
export const MAX_NOISE_MULTIPLIER = 2000;

/** The fixed point of a round, and its noise. */
export interface NoiseGrid {
  /** Values are rounded to multiples of this. */
  readonly step: number;
  /** Standard deviation of the noise, in steps. */
  readonly sigma: number;
}

/**
 * The fixed point on which updates are added up and get their noise: whole numbers, on which the discrete Gaussian is exact.
 * The deviation is a multiple of the norm after rounding, so that rounding costs no privacy: 0.4 % more noise for 65 million
 * values.
 *
 * @param dimension number of values of an update
 */
export const noiseGrid = (
  { clip, noiseMultiplier }: { readonly clip: number; readonly noiseMultiplier: number },
  dimension: number,
): NoiseGrid => ({ step: clip / STEPS, sigma: noiseMultiplier * roundedNorm(STEPS, dimension) });

/** Draws discrete Gaussian noise that a key determines: whole numbers below 2⁵³. */
export function noiseOf(sigma: number, key: Uint8Array): () => number {
  const draw = discreteGaussian(varianceOf(sigma), derivedBytes(key));
  return () => Number(draw());
}

/**
 * A key for one purpose, from a secret. Other parts give an independent key.
 *
 * @param secret 32 bytes
 */
export const derivedKey = (secret: Uint8Array, ...parts: readonly (string | number)[]): Uint8Array =>
  createHmac('sha256', secret).update(JSON.stringify(parts)).digest();
