import { describe, expect, test } from 'vitest';
import { type Campaign, type CampaignInput, campaignSchema } from '../federation/schemas.ts';
import { DEFAULT_TASKS } from '../federation/tasks.ts';
import { TEACHER_STAGE } from '../federation/testing.ts';
import { epsilonOf } from '../privacy/accountant.ts';
import { MAX_NOISE_MULTIPLIER } from '../privacy/round-noise.ts';
import { checkCampaign } from './check-campaign.ts';
import { planCampaign } from './plan.ts';
import { differentialPrivacyOf, plannedPrivacy, releasesOf, requirePlannedNoise } from './planned-privacy.ts';
import { roundPrivacy } from './round-privacy.ts';

type Asked = NonNullable<NonNullable<CampaignInput['privacy']>['differentialPrivacy']>;
type Teacher = Extract<CampaignInput['stages'][number], { kind: 'teacher' }>;
const SITES = ['berlin', 'bonn', 'kiel', 'ulm'];

const planned = (
  terms: Partial<Asked>,
  stage: Partial<Teacher> = {},
  more: Partial<CampaignInput> = {},
  other: Partial<Teacher> = {},
) =>
  planOf({
    schema: 'fedcardio.campaign/1',
    id: 'c',
    privacy: { differentialPrivacy: { clip: 1, ...terms } as Asked },
    stages: [
      { ...TEACHER_STAGE, rounds: 3, ...stage } as Teacher,
      { ...TEACHER_STAGE, name: 'second', rounds: 7, sites: ['berlin', 'bonn'], ...other } as Teacher,
    ],
    ...more,
  });
const planOf = (campaign: CampaignInput) =>
  planCampaign('c', { value: campaignSchema.parse(campaign), sha256: 'a'.repeat(64) }, new Date(0), { sites: SITES })
    .campaign;

describe('the plan of a campaign with differential privacy', () => {
  test('has the noise that ε asks for over the rounds of all stages, and what each stage divides by', () => {
    const terms = planned({ epsilon: 3, delta: 1e-4 }).privacy?.differentialPrivacy;

    const noise = terms?.noiseMultiplier ?? 0;
    expect(epsilonOf([{ noise, rate: 1, count: 10 }], 1e-4)).toBeCloseTo(3, 4);
    expect(terms?.sites).toEqual({ [TEACHER_STAGE.name]: 4, second: 2 });
  });

  test('has the ε of the noise that was asked for', () => {
    const terms = planned({ noiseMultiplier: 2 }).privacy?.differentialPrivacy;

    expect(terms?.epsilon).toBe(epsilonOf([{ noise: 2, rate: 1, count: 10 }], 1e-5));
  });

  test('is its own plan', () => {
    const once = planned({ epsilon: 3, sites: { second: 5 } });

    expect(planOf({ ...once, schema: 'fedcardio.campaign/1' })).toEqual(once);
  });

  test('limits nothing by other updates or by samples', () => {
    const [stage] = planned({ epsilon: 3 }).stages;

    expect(stage).toHaveProperty('aggregation.clipFactor', null);
    expect(stage).toHaveProperty('aggregation.shareFactor', null);
  });
});

/** A stage that publishes scores, and no noisy sum. */
const SCORES = {
  kind: 'evaluate',
  name: 'scores',
  models: { first: TEACHER_STAGE.name },
} as CampaignInput['stages'][number];
const campaignOf = (
  privacy: Campaign['privacy'],
  stages = [TEACHER_STAGE as CampaignInput['stages'][number], SCORES],
) => ({ ...campaignSchema.parse({ schema: 'fedcardio.campaign/1', id: 'c', stages }), privacy }) as Campaign;
const asked = (terms: Partial<Asked>) =>
  ({ differentialPrivacy: { clip: 1, delta: 1e-5, noise: 'central', ...terms } }) as Campaign['privacy'];

describe('the privacy of a plan', () => {
  test('is what was asked for without differential privacy', () => {
    const masks = { secureAggregation: {} } as Campaign['privacy'];

    expect(plannedPrivacy(campaignOf(undefined), SITES)).toBeUndefined();
    expect(plannedPrivacy(campaignOf(masks), SITES)).toBe(masks);
    expect(differentialPrivacyOf(campaignOf(undefined))).toBeUndefined();
    expect(differentialPrivacyOf(campaignOf(masks))).toBeUndefined();
  });

  test('counts the rounds of stages that train alone', () => {
    const terms = plannedPrivacy(campaignOf(asked({ noiseMultiplier: 2 })), SITES)?.differentialPrivacy;

    expect(releasesOf(campaignOf(undefined))).toBe(TEACHER_STAGE.rounds);
    expect(terms?.sites).toEqual({ [TEACHER_STAGE.name]: SITES.length });
  });

  test('is impossible where no stage trains', () => {
    const { stages } = campaignOf(undefined);
    const campaign = { ...campaignOf(asked({ epsilon: 1 })), stages: stages.filter(({ kind }) => kind === 'evaluate') };

    expect(() => plannedPrivacy(campaign, SITES)).toThrow('no stage trains');
  });

  test('may have as much noise as is possible, and local noise without adaptive clipping', () => {
    expect(() => planned({ noiseMultiplier: MAX_NOISE_MULTIPLIER })).not.toThrow();
    expect(() => planned({ noiseMultiplier: 2, noise: 'local' })).not.toThrow();
  });
});

describe('the noise of a plan with adaptive clipping', () => {
  const withClip = (noiseMultiplier: number, sites = {}) =>
    planned({ noiseMultiplier, epsilon: 1, delta: 1e-5, adaptive: {}, sites });

  test('leaves room for that of the count', () => {
    const campaign = withClip(1730);
    const { noiseMultiplier = 0 } = roundPrivacy(campaign, campaign.stages[0] as never, 1, undefined) ?? {};

    expect(noiseMultiplier).toBeGreaterThan(1.15 * 1730);
    expect(noiseMultiplier).toBeLessThan(MAX_NOISE_MULTIPLIER);
    // A count of many sites has more noise, and costs the updates less.
    const many = { [TEACHER_STAGE.name]: 1e5, second: 1e5 };
    expect(() => withClip(1900, many)).not.toThrow();
    expect(() => withClip(1900, { second: 1e5 })).toThrow('more than 2000');
  });

  test.each([1740, 1900, MAX_NOISE_MULTIPLIER])('is refused at %d, which rounds could not draw', (noiseMultiplier) => {
    expect(() => withClip(noiseMultiplier)).toThrow('beside the noisy count, is more than 2000');
  });
});

describe('a site that checks the plan of a coordinator', () => {
  const plan = planned({ noiseMultiplier: 2 });
  const changed = (change: Partial<Asked>) => {
    const terms = { ...plan.privacy?.differentialPrivacy, ...change } as Asked;
    return { ...plan, privacy: { ...plan.privacy, differentialPrivacy: terms } } as Campaign;
  };

  test('accepts its own terms, and a plan without differential privacy', () => {
    expect(() => requirePlannedNoise(plan)).not.toThrow();
    expect(() => requirePlannedNoise(campaignOf(undefined))).not.toThrow();
  });

  test('refuses an ε that does not follow from the noise', () => {
    const { epsilon = 0 } = plan.privacy?.differentialPrivacy ?? {};

    expect(() => requirePlannedNoise(changed({ epsilon: 0.9 * epsilon }))).toThrow('asked for');
    expect(() => requirePlannedNoise(changed({ noiseMultiplier: 1 }))).toThrow('asked for');
  });

  test.each(['epsilon', 'noiseMultiplier', 'sites'] as const)('refuses a plan without %s', (name) => {
    const campaign = changed({ [name]: undefined });

    expect(() => requirePlannedNoise(campaign)).toThrow('The plan has no noise for its differential privacy.');
  });
});

const aggregation = (fields: object) => ({ aggregation: { strategy: 'fedavg', ...fields } }) as Partial<Teacher>;

test.each<[string, Partial<Asked>, Partial<Teacher>, Partial<CampaignInput>?]>([
  ['median chooses among updates', {}, { aggregation: { strategy: 'median' } }],
  ['krum chooses among updates', {}, { aggregation: { strategy: 'krum' } }],
  ['leave out clipNorm', {}, aggregation({ clipNorm: 1 })],
  ['clipFactor depends on', {}, aggregation({ clipFactor: 2 })],
  ['leave out shareFactor', {}, aggregation({ shareFactor: 2 })],
  ['two updates of one site', {}, aggregation({ lateFactor: 0.5 })],
  ['untrained "skip"', {}, aggregation({ untrained: 'skip' })],
  ['losses that have no noise', {}, { validate: {} }, { validation: { share: 0.2 } }],
  ['control variates', {}, { training: { steps: 1, learningRate: 1, algorithm: { name: 'scaffold' } } }],
  ['adaptive clipping needs central noise', { noise: 'local', adaptive: {} }, {}],
  ['sites names "third"', { sites: { third: 2 } }, {}],
  ['more than 2000', { epsilon: 1e-4 }, {}],
  ['more than the 3 asked for', { noiseMultiplier: 1 }, {}],
])('a campaign is refused: %s', (reason, terms, stage, more) => {
  expect(() => planned({ epsilon: 3, ...terms }, stage, more)).toThrow(reason);
});

test.each([
  ['central', 4],
  ['local', 2],
] as const)('a check warns of a stage that %s noise will bury', (noise, spread) => {
  const campaign = campaignSchema.parse({
    schema: 'fedcardio.campaign/1',
    id: 'c',
    privacy: { differentialPrivacy: { clip: 1, noiseMultiplier: 2, noise } },
    stages: [TEACHER_STAGE],
  });
  const { findings } = checkCampaign(campaign, { tasks: DEFAULT_TASKS, sites: SITES }, new Date(0));

  const text = findings.map((finding) => finding.text).join('\n');
  const [, ratio, values] = /teacher\/hinge-points: its noise is (\S+) times .* (\d+) values, 4 sites/.exec(text) ?? [];
  expect(Number(ratio)).toBeCloseTo((2 * Math.sqrt(Number(values))) / spread, 0);
  expect(text).toContain('it will hardly learn');
});

describe('secure aggregation together with differential privacy', () => {
  const withMasks = (noise: Asked['noise']) => ({
    privacy: { secureAggregation: {}, differentialPrivacy: { clip: 1, epsilon: 1, noise } },
  });

  test.each(['central', 'local'] as const)('is refused with %s noise', (noise) => {
    expect(() => planned({}, {}, withMasks(noise))).toThrow('secureAggregation needs noise "distributed"');
  });

  test('is planned with distributed noise, as large as that of a coordinator', () => {
    const { noiseMultiplier } = planned({ epsilon: 1 }).privacy?.differentialPrivacy ?? {};

    const three = { sites: SITES.slice(1) };

    expect(planned({}, {}, withMasks('distributed'), three).privacy?.differentialPrivacy).toMatchObject({
      noiseMultiplier,
    });
  });

  test('is needed for distributed noise', () => {
    expect(() => planned({ epsilon: 1, noise: 'distributed' })).toThrow('distributed noise needs secureAggregation');
  });
});
