import { counted, significant } from './format.ts';

/** The differential privacy of a campaign, as its plan has it and as its rounds have spent it. */
export interface PrivacyFacts {
  readonly unit: 'site';
  /** Who adds the noise. */
  readonly noise: 'central' | 'local';
  /** Largest L2 norm of an update's difference; with adaptive clipping that of a stage's first round. */
  readonly clip: number;
  readonly adaptive: boolean;
  /** Standard deviation of the noise as a multiple of the clip. */
  readonly noiseMultiplier: number;
  /** ε of all planned rounds, at `delta`. */
  readonly epsilon: number;
  readonly delta: number;
  /** ε of the rounds that are committed. */
  readonly spent: number;
  readonly rounds: number;
  readonly plannedRounds: number;
}

/** One sentence for status, report and card. */
export function privacyText(facts: PrivacyFacts): string {
  const { unit, noise, clip, adaptive, noiseMultiplier, epsilon, delta, spent, rounds, plannedRounds } = facts;
  const who = noise === 'central' ? 'from the coordinator' : 'from each site';
  const limit = adaptive ? `${significant(clip)} at first` : significant(clip);
  return `Differential privacy of every ${unit}: ε ${significant(spent)} after ${counted(rounds, 'round')}, ${significant(epsilon)} after all ${plannedRounds}, at δ ${delta}; noise of ${significant(noiseMultiplier)} times the clip (${limit}) ${who}.`;
}

/** What ε does not cover. */
export const NOT_COVERED = 'Losses, scores, and the counts of cases are outside of ε: they have no noise.';
