/** log(eᵃ + eᵇ). */
export function logAdd(a: number, b: number): number {
  const [low, high] = a < b ? [a, b] : [b, a];
  return low === Number.NEGATIVE_INFINITY ? high : high + Math.log1p(Math.exp(low - high));
}

/** log(eᵃ − eᵇ), for a ≥ b. */
export const logSubtract = (a: number, b: number): number =>
  b === Number.NEGATIVE_INFINITY ? a : a + Math.log(-Math.expm1(b - a));

/** From here on the continued fraction converges fast; below it 1 − erf(x) loses no more than two digits. */
const TAIL = 1.5;
const FRACTION_TERMS = 120;

/** log(erfc(x)), relative error about 10⁻¹⁴, also where erfc underflows. */
export function logErfc(x: number): number {
  if (x < -TAIL) return Math.log1p(1 - Math.exp(logErfc(-x)));
  if (x < TAIL) return Math.log(1 - erfSeries(x));
  // erfc(x) = exp(−x²)/√π / (x + ½/(x + 1/(x + 3/2/(x + …)))), Abramowitz and Stegun 7.1.14.
  let tail = x;
  for (let k = FRACTION_TERMS; k > 0; k--) tail = x + k / 2 / tail;
  return -x * x - Math.log(Math.PI) / 2 - Math.log(tail);
}

/** erf by its series with terms of one sign, Abramowitz and Stegun 7.1.6. */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** log of the standard normal distribution function. */
export const logNormalCdf = (x: number): number => logErfc(-x / Math.SQRT2) - Math.LN2;
