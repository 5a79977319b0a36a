import { groupBy } from '../group-by.ts';
import { counted } from './format.ts';

/** A committed round that learnt from cases which were withdrawn since. */
interface Affected {
  readonly stage: string;
  readonly round: number;
  readonly cases: number;
}

/** A line per stage and number of cases: `student rounds 3–8: 2 cases withdrawn since`. */
export function withdrawnText(affected: readonly Affected[]): readonly string[] {
  return [...groupBy(affected, ({ stage, cases }) => `${stage} ${cases}`).values()].map((of) => {
    const [{ stage, cases }] = of as [Affected];
    const rounds = rangesOf(of.map(({ round }) => round));
    return `${stage} ${of.length === 1 ? 'round' : 'rounds'} ${rounds}: ${counted(cases, 'case')} withdrawn since`;
  });
}

/** `1–3, 5` of numbers that may repeat. */
export function rangesOf(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of [...new Set(numbers)].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ');
}
