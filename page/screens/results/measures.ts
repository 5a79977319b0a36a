import type { Figures, TaskResults } from '../../api/results.ts';

/** A figure by which two models are compared. */
export interface Measure {
  readonly id: 'within' | 'missing' | 'median' | 'p90' | 'dice' | 'p10' | 'hausdorff95' | 'volumeRatio';
  readonly unit: 'share' | 'mm' | 'dice' | 'ratio';
  /** `one`: the nearer to 1, the better. */
  readonly better: 'higher' | 'lower' | 'one';
  readonly of: (figures: Figures) => number | null;
}

const landmarks = (of: (figures: Extract<Figures, { kind: 'landmarks' }>) => number | null) => (figures: Figures) =>
  figures.kind === 'landmarks' ? of(figures) : null;
const masks = (of: (figures: Extract<Figures, { kind: 'segmentation' }>) => number | null) => (figures: Figures) =>
  figures.kind === 'segmentation' ? of(figures) : null;

/** The first of a kind is the one that a task is judged by. */
export const MEASURES: Readonly<Record<Figures['kind'], readonly [Measure, ...Measure[]]>> = {
  landmarks: [
    { id: 'within', unit: 'share', better: 'higher', of: landmarks(({ within }) => within) },
    {
      id: 'missing',
      unit: 'share',
      better: 'lower',
      of: landmarks(({ missing, n }) => (n === 0 ? null : missing / n)),
    },
    { id: 'median', unit: 'mm', better: 'lower', of: landmarks(({ median }) => median) },
    { id: 'p90', unit: 'mm', better: 'lower', of: landmarks(({ p90 }) => p90) },
  ],
  segmentation: [
    { id: 'dice', unit: 'dice', better: 'higher', of: masks(({ dice }) => dice) },
    { id: 'p10', unit: 'dice', better: 'higher', of: masks(({ p10 }) => p10) },
    { id: 'hausdorff95', unit: 'mm', better: 'lower', of: masks(({ hausdorff95 }) => hausdorff95) },
    { id: 'volumeRatio', unit: 'ratio', better: 'one', of: masks(({ volumeRatio }) => volumeRatio ?? null) },
  ],
};

/** The digits that are shown: a difference that does not show is none. */
const DIGITS: Readonly<Record<Measure['unit'], number>> = { share: 3, mm: 1, dice: 3, ratio: 2 };

const rounded = (value: number, unit: Measure['unit']): number => Number(value.toFixed(DIGITS[unit]));

export type Verdict = 'better' | 'worse' | 'equal' | 'unknown';

interface Difference {
  readonly verdict: Verdict;
  /** First minus second, as shown; null if one of them is missing. */
  readonly by: number | null;
}

/** Whether the first value is better than the second. */
function difference({ unit, better }: Measure, first: number | null, second: number | null): Difference {
  if (first === null || second === null) return { verdict: 'unknown', by: null };
  const [a, b] = [rounded(first, unit), rounded(second, unit)];
  const by = rounded(a - b, unit);
  const gain = better === 'higher' ? by : better === 'lower' ? -by : rounded(Math.abs(b - 1) - Math.abs(a - 1), unit);
  return { verdict: gain === 0 ? 'equal' : gain > 0 ? 'better' : 'worse', by };
}

/** One comparison: all of a task, one site, or one point. */
export interface Row {
  readonly name: string;
  readonly measure: Measure;
  readonly first: number | null;
  readonly second: number | null;
  readonly firstN: number;
  readonly secondN: number;
  readonly difference: Difference;
}

/** How many values a figure is of: an error is that of a point that was found. */
function countOf({ id }: Measure, figures: Figures | undefined): number {
  if (!figures) return 0;
  const isError = id === 'median' || id === 'p90';
  return isError && figures.kind === 'landmarks' ? figures.n - figures.missing : figures.n;
}

/** Compares what two models found of one thing. */
export function rowOf(name: string, measure: Measure, first: Figures | undefined, second: Figures | undefined): Row {
  const [a, b] = [first ? measure.of(first) : null, second ? measure.of(second) : null];
  return {
    name,
    measure,
    first: a,
    second: b,
    firstN: countOf(measure, first),
    secondN: countOf(measure, second),
    difference: difference(measure, a, b),
  };
}

/** How often each verdict was found. */
export const tally = (rows: readonly Pick<Row, 'difference'>[]): Readonly<Record<Verdict, number>> => {
  const count = (verdict: Verdict) => rows.filter((row) => row.difference.verdict === verdict).length;
  return { better: count('better'), worse: count('worse'), equal: count('equal'), unknown: count('unknown') };
};

/** Figures by the name of a site or point, from pairs with an index. */
export const named = (pairs: TaskResults['sites'], names: readonly string[]): ReadonlyMap<string, Figures> =>
  new Map(pairs.map(([index, figures]) => [names[index] ?? '', figures]));
