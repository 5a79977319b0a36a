import { describe, expect, test } from 'vitest';
import { siteKeys } from '../../lib/federation/keys.ts';
import type { Summary } from '../../lib/federation/schemas.ts';
import { type SiteScenario, scenarioOf } from './scenario.ts';
import { differencesOf } from './wait-for-intake.ts';

const scenario = scenarioOf({ profile: 'quick', seed: 1 });
const munich = scenario.sites.find(({ id }) => id === 'munich') as SiteScenario;
const broken = [
  { site: 'munich', caseId: 'p901', key: siteKeys.ofEvent('cases/p901/image.nii.gz'), body: new Uint8Array() },
];
const complete: Summary = {
  schema: 'fedcardio.summary/1',
  site: 'munich',
  at: '2026-01-01T00:00:00.000Z',
  cases: { training: munich.training, evaluation: munich.evaluation, rejected: 1 },
  labelled: { 'hinge-points': 1, calcification: 1 },
  labelledEvaluation: { 'hinge-points': 1, 'membranous-septum': 1, calcification: 1 },
};

describe('differencesOf', () => {
  test('is empty if all uploads are counted', () => {
    expect(differencesOf(munich, broken, complete)).toEqual([]);
  });

  test('names missing counts', () => {
    expect(differencesOf(munich, broken, { ...complete, labelled: { 'hinge-points': 1 } })).toEqual([
      'Munich counts 0 training labels of calcification instead of 1',
    ]);
    expect(differencesOf(munich, broken, undefined).length).toBeGreaterThan(3);
  });
});
