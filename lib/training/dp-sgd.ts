import { FedcardioError } from '../error.ts';
import type { TrainingConfig } from '../federation/schemas.ts';
import { sha256Hex } from '../json.ts';
import type { PrivateGradient } from '../nn/private-step.ts';
import { addGaussianNoise } from '../privacy/gaussian-noise.ts';
import { derivedBytes, uniformOf } from '../privacy/random-bytes.ts';
import { derivedKey } from '../privacy/round-noise.ts';
import type { Random } from '../random.ts';

/** DP-SGD in a site's round. Its draws follow from a key that only the site knows, so that a resumed round has the same. */
export interface DpSgd {
  /** Probability with which a step takes a case. */
  readonly rate: number;
  /** Uniform numbers that decide which cases a step takes. */
  readonly sampling: (step: number) => Random;
  /** How a step hides the gradients. */
  readonly gradient: (step: number) => PrivateGradient;
}

type Terms = Pick<TrainingConfig, 'batch' | 'accumulate' | 'dpSgd'>;

/**
 * The probability with which a step takes each of a site's cases: the batch is its mean. The number of cases itself is not
 * hidden: it is published in the site's summary.
 */
export const samplingRate = ({ batch, accumulate }: Terms, cases: number): number =>
  Math.min(1, (batch * accumulate) / Math.max(1, cases));

/**
 * @param key 32 bytes, a secret of the site for this round and these cases
 * @throws FedcardioError `BAD_CONFIGURATION` without a key
 */
export function openDpSgd(training: Terms, cases: number, key: Uint8Array | undefined): DpSgd | undefined {
  const { dpSgd, batch, accumulate } = training;
  if (!dpSgd) return undefined;
  if (!key) throw new FedcardioError('BAD_CONFIGURATION', 'DP-SGD needs a secret to draw its noise from.');
  const sigma = dpSgd.noiseMultiplier * dpSgd.clip;
  return {
    rate: samplingRate(training, cases),
    sampling: (step) => uniformOf(derivedBytes(derivedKey(key, 'sample', step))),
    gradient: (step) => {
      const noise = (position: number, sum: Float32Array) => {
        const drawn = new Float32Array(sum.length);
        addGaussianNoise(drawn, sigma, derivedBytes(derivedKey(key, 'noise', step, position, sha256Hex(bytesOf(sum)))));
        return drawn;
      };
      return { clip: dpSgd.clip, divisor: batch * accumulate, noise };
    },
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => new Uint8Array(buffer, byteOffset, byteLength);
