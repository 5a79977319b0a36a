import { normal } from '../random.ts';
import { type RandomBytes, uniformOf } from './random-bytes.ts';

/**
 * Adds normal noise to float32 values.
 *
 * A float cannot hold a real number: which low bits occur can depend on the value that the noise was added to, and may
 * reveal it (Mironov 2012, "On significance of the least significant bits for differential privacy"). The accountant's ε
 * holds for exact arithmetic. Prefer the discrete Gaussian on fixed-point values, which has no such weakness.
 *
 * @param sigma standard deviation
 */
export function addGaussianNoise(values: Float32Array, sigma: number, bytes: RandomBytes): void {
  const random = uniformOf(bytes);
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) + sigma * normal(random);
}
