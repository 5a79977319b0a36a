import { FedcardioError } from '../error.ts';
import type { RandomBytes } from './random-bytes.ts';

/**
 * Secret sharing by Shamir 1979, byte by byte in GF(2⁸): any `threshold` shares give the secret, fewer give nothing about
 * it. Shares do not show whether they are right: compare what they give with a commitment.
 */
export interface Share {
  /** Where the polynomials are evaluated, 1 to 255. */
  readonly at: number;
  readonly value: Uint8Array;
}

/** Most shares of a secret: points of GF(2⁸) other than 0. */
export const MAX_SHARES = 255;

/** Powers of the generator 3 modulo x⁸ + x⁴ + x³ + x + 1, twice, and their logarithms. */
const EXP = new Uint8Array(510);
const LOG = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power++) {
  EXP[power] = value;
  EXP[power + 255] = value;
  LOG[value] = power;
  value ^= value << 1;
  if (value > 255) value ^= 0x11b;
}

const times = (a: number, b: number): number =>
  a === 0 || b === 0 ? 0 : (EXP[(LOG[a] as number) + (LOG[b] as number)] as number);
const over = (a: number, b: number): number =>
  a === 0 ? 0 : (EXP[(LOG[a] as number) + 255 - (LOG[b] as number)] as number);

/**
 * Shares at 1, 2, …, `count`.
 *
 * @param bytes the coefficients; whoever knows them and one share knows the secret
 */
export function splitSecret(
  secret: Uint8Array,
  threshold: number,
  count: number,
  bytes: RandomBytes,
): readonly Share[] {
  if (!(threshold >= 1 && threshold <= count && count <= MAX_SHARES)) {
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `A secret cannot have ${count} shares with a threshold of ${threshold}.`,
    );
  }
  const coefficients = Array.from({ length: threshold - 1 }, () => Uint8Array.from(bytes(secret.length)));
  return Array.from({ length: count }, (_, i) => {
    const at = i + 1;
    const value = secret.map((constant, byte) => {
      const sum = coefficients.reduceRight((higher, row) => times(higher, at) ^ (row[byte] as number), 0);
      return times(sum, at) ^ constant;
    });
    return { at, value };
  });
}

/**
 * The secret of shares with different points and equal lengths, of which there must be at least the threshold. Wrong or too
 * few shares give a wrong secret.
 */
export function joinShares(shares: readonly Share[]): Uint8Array {
  const length = shares[0]?.value.length ?? 0;
  const points = new Set(shares.map(({ at }) => at));
  const isSound = points.size === shares.length && ![...points].some((at) => !(at >= 1 && at <= MAX_SHARES));
  if (!isSound || length === 0 || shares.some(({ value }) => value.length !== length)) {
    throw new FedcardioError('BAD_MESSAGE', 'The shares of a secret have equal points or different lengths.');
  }
  const secret = new Uint8Array(length);
  for (const { at, value } of shares) {
    // The Lagrange polynomial of this point at 0; in GF(2⁸) a difference is a sum.
    const weight = shares.reduce(
      (product, { at: other }) => (other === at ? product : times(product, over(other, other ^ at))),
      1,
    );
    for (let byte = 0; byte < length; byte++)
      secret[byte] = (secret[byte] as number) ^ times(weight, value[byte] as number);
  }
  return secret;
}
