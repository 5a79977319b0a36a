import type { RoundPrivacy } from '../federation/schemas.ts';
import { counted, significant } from './format.ts';

/** The differential privacy of a campaign, as its plan has it and as its rounds have spent it. */
export interface PrivacyFacts {
  readonly unit: 'site';
  /** Who adds the noise. */
  readonly noise: RoundPrivacy['noise'];
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

const WHO: Readonly<Record<PrivacyFacts['noise'], string>> = {
  central: 'from the coordinator',
  local: 'from each site',
  distributed: 'from all sites together',
};

/** One sentence for status, report and card. */
function privacyText(facts: PrivacyFacts): string {
  const { unit, noise, clip, adaptive, noiseMultiplier, epsilon, delta, spent, rounds, plannedRounds } = facts;
  const limit = adaptive ? `${significant(clip)} at first` : significant(clip);
  return `Differential privacy of every ${unit}: ε ${significant(spent)} after ${counted(rounds, 'round')}, ${significant(epsilon)} after all ${plannedRounds}, at δ ${delta}; noise of ${significant(noiseMultiplier)} times the clip (${limit}) ${WHO[noise]}.`;
}

/** What DP-SGD has cost at the sites, as they state it in their updates. */
export interface CasePrivacyFacts {
  /** Stages that train with it. */
  readonly stages: readonly string[];
  /** Largest ε of each site, for each of its cases. */
  readonly sites: readonly { readonly site: string; readonly epsilon: number; readonly delta: number }[];
}

/** One sentence for report and card. It names no site. */
function casePrivacyText({ stages, sites }: CasePrivacyFacts): string {
  const epsilons = sites.map(({ epsilon }) => epsilon);
  const deltas = [...new Set(sites.map(({ delta }) => delta))].join(', ');
  const [low, high] = [Math.min(...epsilons), Math.max(...epsilons)].map(significant);
  const range = low === high ? low : `${low} to ${high} by site`;
  return `DP-SGD hides single cases in ${stages.join(', ')}: ε ${range}, at δ ${deltas}, as the sites state it.`;
}

/** All sentences about a campaign's privacy; none without any. */
export function privacyLines({
  privacy,
  casePrivacy,
}: {
  readonly privacy?: PrivacyFacts | undefined;
  readonly casePrivacy?: CasePrivacyFacts | undefined;
}): readonly string[] {
  const lines = [...(privacy ? [privacyText(privacy)] : []), ...(casePrivacy ? [casePrivacyText(casePrivacy)] : [])];
  return lines.length === 0 ? [] : [...lines, NOT_COVERED];
}

/** What ε does not cover. */
const NOT_COVERED = 'Losses, scores, and the counts of cases are outside of ε: they have no noise.';
