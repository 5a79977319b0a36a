import { MODELS } from '../../lib/report/experiment/compared-models.ts';
import type { MaskCeiling } from '../../lib/report/experiment/results-page.ts';
import { foregroundVolume } from '../../lib/scoring/foreground-volume.ts';
import { median } from '../../lib/scoring/quantile.ts';
import { maskCeiling } from '../../lib/training/masks.ts';
import { phantomOf } from '../demo/case-files.ts';
import { casesOf, scenarioOf } from '../demo/scenario.ts';
import { type ExperimentProfile, experimentCampaign } from './experiment-campaign.ts';

/** The most that a network without any error reaches for calcium on the held-out cases of a seed, at a profile's spacing. */
export function calciumCeiling(profile: ExperimentProfile, seed: number): MaskCeiling {
  const scenario = scenarioOf({ profile: 'experiment', seed });
  const student = experimentCampaign(scenario, profile).stages.find(({ name }) => name === MODELS.distilledSwin);
  const spacing = student && 'training' in student ? student.training.spacing : 1;
  const masks = scenario.sites
    .flatMap((site) => casesOf(site))
    .filter(({ use }) => use === 'evaluation')
    .map((of) => phantomOf(of, seed).masks.calcification)
    .map((mask) => ({ ...maskCeiling(mask, spacing), truth: foregroundVolume(mask) }));
  return {
    spacing,
    dice: median(masks.flatMap(({ dice }) => dice ?? [])) ?? 0,
    volume: sum(masks.map(({ volume }) => volume)) / sum(masks.map(({ truth }) => truth)),
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
