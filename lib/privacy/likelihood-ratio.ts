import { mean } from '../scoring/quantile.ts';

/** A case's losses under models that were trained with it, and under models that were not. */
export interface ShadowLosses {
  readonly withCase: readonly number[];
  readonly without: readonly number[];
}

/** Least standard deviation of a loss, so that a few equal losses do not make a certainty. */
const LEAST_DEVIATION = 1e-6;

/**
 * The likelihood-ratio attack (LiRA, Carlini et al. 2022): how much likelier a model's loss on each case is if the model was
 * trained with the case. Both distributions are normal. Their standard deviations are pooled over the cases, as the authors do
 * for few shadow models.
 *
 * @param shadows of each case, with one loss at least on both sides
 * @param losses of the attacked model, of each case
 * @returns the logarithm of the ratio, of each case
 */
export function likelihoodRatios(shadows: readonly ShadowLosses[], losses: readonly number[]): readonly number[] {
  const inside = pooledDeviation(shadows.map(({ withCase }) => withCase));
  const outside = pooledDeviation(shadows.map(({ without }) => without));
  return shadows.map(({ withCase, without }, index) => {
    const loss = losses[index] as number;
    return logNormal(loss, mean(withCase) ?? 0, inside) - logNormal(loss, mean(without) ?? 0, outside);
  });
}

/** Root of the mean variance within the groups, with a degree of freedom less for each. */
function pooledDeviation(groups: readonly (readonly number[])[]): number {
  let squares = 0;
  let freedom = 0;
  for (const group of groups) {
    const centre = mean(group) ?? 0;
    squares += group.reduce((sum, value) => sum + (value - centre) ** 2, 0);
    freedom += group.length - 1;
  }
  return Math.max(LEAST_DEVIATION, freedom > 0 ? Math.sqrt(squares / freedom) : 0);
}

const logNormal = (value: number, centre: number, deviation: number): number =>
  -0.5 * ((value - centre) / deviation) ** 2 - Math.log(deviation);
