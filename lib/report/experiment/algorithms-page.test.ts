import { describe, expect, test } from 'vitest';
import { NONE, percent } from '../format.ts';
import { ALGORITHMS } from './algorithms.ts';
import { algorithmsPage } from './algorithms-page.ts';
import { byPlace, EXTERNAL, type More, resultOf, SITES } from './testing.ts';

const trains = (site: string) => site === 'ulm' || site === 'kiel';
const scores: More['scores'] = (site) =>
  Object.keys(ALGORITHMS)
    .filter((model) => model !== 'fedper' || trains(site))
    .map((model) => ({ model, task: 'hinge-points', errors: { point: trains(site) ? [1, 2] : [10, null] } }));
const comparisons: More['comparisons'] = (site) => [
  { first: 'scaffold', second: 'fedavg', task: 'hinge-points', within6mm: trains(site) ? [0.25] : [-0.5], error: [0] },
];
const sites = [...SITES, EXTERNAL];
const results = [1, 2].map((seed) => resultOf(seed, byPlace, { sites, scores, comparisons }));

describe('the page of algorithms', () => {
  const page = algorithmsPage(results, 'npm run experiment');
  const rowsOf = (start: string) => page.split('\n').filter((line) => line.startsWith(start));

  test('has a figure of each algorithm at its own, other and external sites', () => {
    for (const title of Object.values(ALGORITHMS)) {
      const [share] = rowsOf(`| ${title} |`);
      const elsewhere = title === 'FedPer' ? NONE : percent(0);
      expect(share).toBe(`| ${title} | ${percent(1)} / ${elsewhere} / ${elsewhere} |`);
    }
  });

  test('compares with federated averaging case by case, by group of sites', () => {
    expect(rowsOf('| SCAFFOLD | sites that trained')).toEqual([
      '| SCAFFOLD | sites that trained the model | 0.250 | 0.250 to 0.250 | 0.250 to 0.250 |',
    ]);
    expect(rowsOf('| SCAFFOLD | other sites')).toEqual([expect.stringContaining('-0.500')]);
    expect(rowsOf('| SCAFFOLD | external sites')).toHaveLength(1);
  });
});
