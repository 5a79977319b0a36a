import type { SeedResult } from '../../lib/report/experiment/seed-result.ts';
import { median } from '../../lib/scoring/quantile.ts';
import { maskCeiling } from '../../lib/training/masks.ts';
import { phantomOf } from '../demo/case-files.ts';
import { casesOf, type Scenario } from '../demo/scenario.ts';

/** The most that a network without any error reaches for calcium on a scenario's held-out cases, on voxels of `spacing` mm. */
export function calciumCeiling(scenario: Scenario, spacing: number): NonNullable<SeedResult['ceiling']> {
  const masks = scenario.sites
    .flatMap((site) => casesOf(site))
    .filter(({ use }) => use === 'evaluation')
    .map((of) => maskCeiling(phantomOf(of, scenario.seed).masks.calcification, spacing));
  return {
    spacing,
    dice: median(masks.flatMap(({ dice }) => dice ?? [])) ?? 0,
    volume: sum(masks.map(({ volume }) => volume)) / sum(masks.map(({ truth }) => truth)),
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
