import { normal, seededRandom } from '../../lib/random.ts';
import type { Weights } from '../../lib/weights/weights.ts';

/** What a malicious site knows when it makes its update. */
interface Knowledge {
  readonly site: string;
  /** The model that the round starts from. */
  readonly global: Weights;
  /** What the site would send if it were honest. */
  readonly own: Weights;
  /** The updates of the honest sites: an attacker may know their data. */
  readonly honest: readonly Weights[];
}

export interface Attack {
  readonly name: string;
  readonly forge: (knowledge: Knowledge) => Weights;
  /** Number of cases that the site claims, as a multiple of the true one. */
  readonly claims?: number;
}

/** Deviations from the mean in "A little is enough" (Baruch et al. 2019, NeurIPS). */
const LITTLE = 1.5;
/** Norm of the noise, as a multiple of the norm of the honest difference. */
const NOISE = 10;
const CLAIMS = 1000;

export const ATTACKS: readonly Attack[] = [
  { name: 'sign flip', forge: flipped(1) },
  { name: 'sign flip × 10', forge: flipped(10) },
  { name: 'sign flip × 1000', forge: flipped(1000) },
  { name: 'noise × 10', forge: noise },
  { name: 'all 3.3e38', forge: constant(3.3e38) },
  { name: 'all zero', forge: constant(0) },
  { name: 'a little is enough', forge: aLittle },
  { name: 'sign flip, claims 1000 × the cases', forge: flipped(1), claims: CLAIMS },
  { name: 'NaN', forge: constant(Number.NaN) },
];

/** The weights with every value replaced by `value`. */
const mapped = (weights: Weights, value: (name: string, index: number) => number): Weights =>
  new Map(
    [...weights].map(([name, { dtype, shape, data }]) => {
      return [name, { dtype, shape, data: data.map((_, index) => value(name, index)) }];
    }),
  );

const at = (weights: Weights, name: string, index: number): number => weights.get(name)?.data[index] as number;

/** The honest difference, reversed and scaled. */
function flipped(scale: number): Attack['forge'] {
  return ({ own, global }) =>
    mapped(own, (name, index) => {
      const from = at(global, name, index);
      return from - scale * (at(own, name, index) - from);
    });
}

function constant(value: number): Attack['forge'] {
  return ({ own }) => mapped(own, () => value);
}

function noise({ site, own, global }: Knowledge): Weights {
  const random = seededRandom('noise', site);
  const values = [...own].reduce((sum, [, { data }]) => sum + data.length, 0);
  const deviation = (NOISE * distance(own, global)) / Math.sqrt(values);
  return mapped(own, (name, index) => at(global, name, index) + deviation * normal(random));
}

/** Every value lies so close to the mean of the honest ones that it is not conspicuous, on the side away from their step. */
function aLittle({ own, global, honest }: Knowledge): Weights {
  return mapped(own, (name, index) => {
    const values = honest.map((update) => at(update, name, index));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    return mean - LITTLE * deviation * Math.sign(mean - at(global, name, index));
  });
}

/** L2 distance over all values. */
function distance(a: Weights, b: Weights): number {
  let sum = 0;
  for (const [name, { data }] of a) {
    for (const [index, value] of data.entries()) sum += (value - at(b, name, index)) ** 2;
  }
  return Math.sqrt(sum);
}
