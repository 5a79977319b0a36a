import { DEFAULT_TASKS } from '../../federation/tasks.ts';
import { own } from '../../own.ts';
import { seededRandom } from '../../random.ts';
import { estimateOverSeeds } from '../../scoring/bootstrap.ts';
import { mean } from '../../scoring/quantile.ts';
import type { Interval } from '../../scoring/t-interval.ts';
import { fixed } from '../format.ts';
import type { Claim } from './claims.ts';
import { COMPARISONS } from './compared-models.ts';
import type { SeedResult } from './seed-result.ts';
import { markdownTable } from './tables.ts';

export const claimTable = (claims: readonly Claim[]): string =>
  markdownTable(
    ['claim', 'measure', 'found', 'by t', 'by bootstrap', 'seeds', ''],
    claims.map(({ text, measure, estimate: { value, seeds, byT, byBootstrap }, verdict }) => [
      text,
      measure,
      value === null ? 'not measured' : fixed(value, 3),
      intervalText(byT),
      intervalText(byBootstrap),
      String(seeds),
      verdict,
    ]),
  );

const MEASURES = [
  ['within6mm', 'share within 6 mm'],
  ['error', 'error of points that both found, mm'],
  ['dice', 'Dice'],
] as const;

/** Every pair of models that the sites compared case by case. */
export function pairedTable(results: readonly SeedResult[]): string {
  const rows = COMPARISONS.flatMap(([first, second]) =>
    DEFAULT_TASKS.flatMap(({ id: task, title: taskTitle }) =>
      MEASURES.flatMap(([measure, title]) => {
        const seeds = results.map(({ sites, comparisons }) =>
          sites.map(({ id }) => [
            (own(comparisons, id) ?? [])
              .filter((one) => one.first === first && one.second === second && one.task === task)
              .flatMap((one) => one[measure] ?? [])
              .filter((value) => value !== null),
          ]),
        );
        const all = seeds.flat(2).flat();
        if (all.length === 0) return [];
        const random = seededRandom('paired', first, second, task, measure);
        const { value, byT, byBootstrap } = estimateOverSeeds(seeds, ([list = []]) => mean(notNull(list)), random);
        const count = (sign: number) => all.filter((difference) => Math.sign(difference) === sign).length;
        const counts = `${count(1)} / ${count(0)} / ${count(-1)}`;
        const figures = [fixed(value, 3), intervalText(byT), intervalText(byBootstrap)];
        return [[`${first} − ${second}`, taskTitle, title, ...figures, counts]];
      }),
    ),
  );
  const head = ['models', 'task', 'measure', 'mean difference', 'by t', 'by bootstrap', 'higher / equal / lower'];
  return markdownTable(head, rows);
}

const notNull = (list: readonly (number | null)[]): readonly number[] => list.filter((value) => value !== null);

export const intervalText = (interval: Interval | null): string =>
  interval === null ? '–' : `${fixed(interval.low, 3)} to ${fixed(interval.high, 3)}`;
