import { FedcardioError } from '../error.ts';

/**
 * Adaptive clipping: the norm that updates are clipped to follows a quantile of their norms, which is itself estimated with
 * noise. Andrew, Thakkar, McMahan and Ramaswamy 2021 (arXiv:1905.03871).
 */
export interface AdaptiveClip {
  /** Share of updates that shall stay below the norm: γ, 0.5 in the paper. */
  readonly quantile: number;
  /** η of the geometric update, 0.2 in the paper. */
  readonly learningRate: number;
}

/**
 * What a site adds to the noisy count: ½ if its norm is within the clip, else −½. So one site changes the sum by at most ½.
 */
export const clipVote = (norm: number, clip: number): number => (norm <= clip ? 0.5 : -0.5);

/**
 * The next norm: C · exp(−η(b̃ − γ)), with b̃ the noisy share of updates within C.
 *
 * @param votes the sum of all {@link clipVote}s with its noise
 * @param sites number of votes, known without looking at them
 */
export function nextClip(clip: number, votes: number, sites: number, { quantile, learningRate }: AdaptiveClip): number {
  const within = votes / sites + 0.5;
  return clip * Math.exp(-learningRate * (within - quantile));
}

/**
 * The noise of the updates, as a multiple of the clip, when some of the budget pays for the count: both releases together
 * then cost as much as one release with noise z. Theorem 1: z_Δ = (z⁻² − (2σ_b)⁻²)^(−½).
 *
 * @param noise z, what the accountant asks for
 * @param countSigma σ_b, standard deviation of the count's noise, a twentieth of the number of sites in the paper
 * @throws FedcardioError `BAD_CONFIGURATION` if the count alone would cost more than the budget
 */
export function updateNoise(noise: number, countSigma: number): number {
  const rest = noise ** -2 - (2 * countSigma) ** -2;
  if (rest > 0) return rest ** -0.5;
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `Privacy: the noise ${countSigma} of the clipped count costs more than the whole budget allows.`,
    { hint: `Set it above ${noise / 2}.` },
  );
}
