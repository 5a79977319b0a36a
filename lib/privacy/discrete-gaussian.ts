import { FedcardioError } from '../error.ts';
import { type RandomBytes, uniformBelow } from './random-bytes.ts';

/** A fraction of whole numbers, both more than 0. */
export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** Deviations are rounded up to a multiple of 1/DENOMINATOR, so that the noise is never less than what is accounted. */
const DENOMINATOR = 2n ** 16n;
/** Noise of this deviation leaves no room for values in 32 bits. */
const MAX_SIGMA = 2 ** 31;

/** The variance of a standard deviation, as an exact fraction. */
export function varianceOf(sigma: number): Fraction {
  if (!(sigma > 0 && sigma <= MAX_SIGMA)) {
    throw new FedcardioError('BAD_CONFIGURATION', `Privacy: discrete noise cannot have a deviation of ${sigma}.`);
  }
  const root = BigInt(Math.ceil(sigma * Number(DENOMINATOR)));
  return { numerator: root * root, denominator: DENOMINATOR * DENOMINATOR };
}

/**
 * A sampler of the discrete Gaussian: whole numbers x with probability proportional to exp(−x²/2σ²). Exact: it computes with
 * whole numbers alone, so that no rounding weakens the privacy. Canonne, Kamath and Steinke 2020 (arXiv:2004.00010),
 * algorithm 3.
 */
export function discreteGaussian({ numerator, denominator }: Fraction, bytes: RandomBytes): () => bigint {
  const byte = singly(bytes);
  const scale = squareRoot(numerator / denominator) + 1n;
  const divisor = 2n * numerator * denominator * scale * scale;
  const step = denominator * scale;
  return () => {
    for (;;) {
      const candidate = discreteLaplace(scale, bytes, byte);
      // (|y| − σ²/t)² / 2σ², as a fraction.
      const distance = (candidate < 0n ? -candidate : candidate) * step - numerator;
      if (happensExp(distance * distance, divisor, byte)) return candidate;
    }
  };
}

type Byte = () => number;

/** Whole numbers with probability proportional to exp(−|x|/scale): algorithm 2 for a whole scale. */
function discreteLaplace(scale: bigint, bytes: RandomBytes, byte: Byte): bigint {
  for (;;) {
    const rest = uniformBelow(bytes, scale);
    if (!happensExp(rest, scale, byte)) continue;
    let whole = 0;
    while (happensExpOne(byte)) whole++;
    const magnitude = rest + scale * BigInt(whole);
    const isNegative = byte() < 128;
    if (isNegative && magnitude === 0n) continue;
    return isNegative ? -magnitude : magnitude;
  }
}

/** True with probability exp(−numerator/denominator): algorithm 1. */
function happensExp(numerator: bigint, denominator: bigint, byte: Byte): boolean {
  let rest = numerator;
  for (; rest > denominator; rest -= denominator) if (!happensExpOne(byte)) return false;
  let k = 1n;
  while (happens(rest, denominator * k, byte)) k++;
  return k % 2n === 1n;
}

/** True with probability 1/e. */
function happensExpOne(byte: Byte): boolean {
  let k = 1;
  while (happensSmall(1, k, byte)) k++;
  return k % 2 === 1;
}

/** True with probability numerator/denominator: a random number is compared digit by digit, of which one mostly decides. */
export function happens(numerator: bigint, denominator: bigint, byte: Byte): boolean {
  let rest = numerator;
  for (;;) {
    const scaled = rest << 8n;
    const digit = Number(scaled / denominator);
    const drawn = byte();
    if (drawn !== digit) return drawn < digit;
    rest = scaled % denominator;
  }
}

/** Like {@link happens}, for numbers below 2⁴⁰. */
export function happensSmall(numerator: number, denominator: number, byte: Byte): boolean {
  let rest = numerator;
  for (;;) {
    const scaled = rest * 256;
    const digit = Math.floor(scaled / denominator);
    const drawn = byte();
    if (drawn !== digit) return drawn < digit;
    rest = scaled % denominator;
  }
}

const AHEAD = 4096;

function singly(bytes: RandomBytes): Byte {
  let ahead: Uint8Array = new Uint8Array();
  let next = 0;
  return () => {
    if (next === ahead.length) [ahead, next] = [bytes(AHEAD), 0];
    return ahead[next++] as number;
  };
}

/** ⌊√value⌋ by Newton's method. */
function squareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt(Math.ceil(value.toString(2).length / 2));
  for (;;) {
    const next = (root + value / root) / 2n;
    if (next >= root) return root;
    root = next;
  }
}
