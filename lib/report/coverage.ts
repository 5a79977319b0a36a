import { percent } from './format.ts';
import type { Coverage, StageReport } from './report.ts';

/** `merged 5 of 8 sites, 62 % of the cases`. */
export const coverageText = ({ merged, asked, caseShare }: Coverage): string =>
  `merged ${merged.length} of ${asked.length} sites, ${percent(caseShare)} of the cases`;

/** Consecutive rounds of a stage with the same coverage. */
interface CoveredRounds {
  readonly from: number;
  readonly to: number;
  readonly coverage: Coverage;
}

export function coveredRounds({ commits }: StageReport): readonly CoveredRounds[] {
  const groups: CoveredRounds[] = [];
  for (const { round, coverage } of commits) {
    const last = groups.at(-1);
    if (last && same(last.coverage, coverage)) groups[groups.length - 1] = { ...last, to: round };
    else groups.push({ from: round, to: round, coverage });
  }
  return groups;
}

/** `round 3`, `rounds 1–4`. */
export const roundsText = ({ from, to }: CoveredRounds): string =>
  from === to ? `round ${from}` : `rounds ${from}–${to}`;

/** Late answers differ in their times in every round: sites and kinds of reasons decide. */
const same = (a: Coverage, b: Coverage): boolean => keyOf(a) === keyOf(b);

const keyOf = ({ asked, merged, excluded, caseShare }: Coverage): string =>
  JSON.stringify([
    asked,
    merged,
    percent(caseShare),
    excluded.map(({ site, why, reason }) => [site, why, why === 'late' ? '' : reason]),
  ]);
