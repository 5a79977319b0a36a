import { expect, test } from 'vitest';
import { type CampaignInput, campaignSchema } from '../federation/schemas.ts';
import { planCampaign } from './plan.ts';
import { planWarnings } from './plan-warnings.ts';

type Stage = Extract<CampaignInput['stages'][number], { kind: 'teacher' }>;

const EIGHT = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

const stage = (aggregation: Stage['aggregation'], minSites = 3, fields: Partial<Stage> = {}): Stage => ({
  kind: 'teacher',
  name: 'teacher',
  task: 'calcification',
  rounds: 1,
  model: { kind: 'unet', features: [4, 8] },
  training: { steps: 1, learningRate: 1e-3 },
  quorum: { minSites },
  ...(aggregation && { aggregation }),
  ...fields,
});

/** The warnings of a new campaign with these stages. */
function warnings(
  stages: readonly Stage[],
  sites: readonly string[] = EIGHT,
  privacy?: CampaignInput['privacy'],
): readonly string[] {
  const value = campaignSchema.parse({ schema: 'fedcardio.campaign/1', id: 'c', stages, privacy });
  return planWarnings(planCampaign('c', { value, sha256: '' }, new Date(0)).campaign, sites);
}

test.each<[string, Stage['aggregation'], number]>([
  ['the default', undefined, 3],
  ['fedadam', { strategy: 'fedadam' }, 3],
  ['median', { strategy: 'median' }, 3],
  ['trimmed-mean', { strategy: 'trimmed-mean' }, 3],
  ['krum', { strategy: 'krum' }, 3],
  ['multi-krum', { strategy: 'multi-krum' }, 1],
])('are absent for %s among eight sites', (_, aggregation, minSites) => {
  expect(warnings([stage(aggregation, minSites)])).toEqual([]);
});

test.each<[string, Stage['aggregation'], RegExp]>([
  ['without clipping', { strategy: 'fedavg', clipFactor: null }, /cannot tolerate one .* among 8.*Leave clipFactor/],
  ['with clipNorm alone', { strategy: 'fedavg', clipFactor: null, clipNorm: 1 }, /clipNorm does not apply to .* first/],
  ['without trimming', { strategy: 'trimmed-mean', minTrimmed: 0, clipFactor: null }, /Leave minTrimmed/],
  ['with byzantine 0', { strategy: 'krum', byzantine: 0 }, /Set byzantine to 1/],
  ['with byzantine 3', { strategy: 'krum', byzantine: 3 }, /every round will fail.*needs at least 9 updates/],
])('say why a stage %s cannot tolerate a malicious site', (_, aggregation, text) => {
  const found = warnings([stage(aggregation)]);

  expect(found).toEqual([expect.stringMatching(text)]);
});

test('name the quorum with which a round may close with too few updates', () => {
  expect(warnings([stage(undefined, 1), { ...stage(undefined, 1), name: 'other' }])).toEqual([
    'teacher, other: at its deadline a round may close with 1 of 8 updates, and fedavg needs 3 to tolerate one malicious site. Set quorum.minSites to 3 or more.',
  ]);
});

test('tell that one silent site fails the campaign', () => {
  expect(warnings([stage(undefined, 8)])).toEqual([expect.stringMatching(/needs 8 of 8. Lower quorum.minSites/)]);
  expect(warnings([stage({ strategy: 'krum' })], EIGHT.slice(3))).toEqual([
    expect.stringMatching(/needs 5 of 5. Lower byzantine/),
  ]);
});

test.each<[string, Stage['aggregation'], number, RegExp]>([
  [
    'without a limit on shares',
    { strategy: 'fedavg', shareFactor: null },
    8,
    /of 8 sites claims.*Leave shareFactor at/,
  ],
  ['with a limit that is too high', { strategy: 'fedadam', shareFactor: 8 }, 8, /fedadam weights.*Lower shareFactor/],
  ['with too few sites for the default', undefined, 3, /one of 3 sites claims, and fedavg.*Lower shareFactor/],
])('say that a stage %s believes the number of cases', (_, aggregation, sites, text) => {
  const found = warnings([stage(aggregation, 2, { quorum: { minSites: sites - 1 } })], EIGHT.slice(0, sites));

  expect(found).toEqual(expect.arrayContaining([expect.stringMatching(text)]));
  expect(found.filter((warning) => warning.includes('claims'))).toHaveLength(1);
});

test('count the sites that a stage asks', () => {
  expect(warnings([stage(undefined, 1, { sites: ['a'] })])).toEqual([]);
  expect(warnings([stage(undefined, 1, { sites: ['a', 'b'] })])).toEqual([expect.stringMatching(/with two sites/)]);
  expect(warnings([stage(undefined)], ['a'])).toEqual([]);
});

test('say for how many rounds the keys of secure aggregation have room', () => {
  const sites = Array.from({ length: 64 }, (_, i) => `site-${i}`);
  const found = (rounds: number, of = sites) =>
    warnings([stage(undefined, 3, { rounds })], of, { secureAggregation: {} }).join();

  expect(found(100)).not.toMatch(/rounds of a stage/);
  expect(found(200)).toMatch(/64 sites, .* at most 152 rounds of a stage: beyond, a round that 21 sites leave/);
  expect(found(200, EIGHT)).not.toMatch(/rounds of a stage/);
});
