import { describe, expect, test } from 'vitest';
import { type CampaignInput, campaignSchema } from '../../federation/schemas.ts';
import { DEFAULT_TASKS } from '../../federation/tasks.ts';
import { checkCampaign } from '../check-campaign.ts';
import { planCampaign } from '../plan.ts';

const NOW = new Date('2026-03-02T08:00:00Z');

const campaignWith = (
  fields: Readonly<Record<string, unknown>> = {},
  privacy: CampaignInput['privacy'] = { secureAggregation: {} },
) =>
  campaignSchema.parse({
    schema: 'fedcardio.campaign/1',
    id: 'tavi',
    validation: { share: 0.2 },
    privacy,
    stages: [
      {
        kind: 'teacher',
        name: 'teacher',
        task: 'hinge-points',
        rounds: 2,
        model: { kind: 'unet', features: [4, 8] },
        training: { steps: 1, learningRate: 0.001 },
        ...fields,
      },
    ],
  });
const planOf = (campaign: ReturnType<typeof campaignWith>) =>
  planCampaign('tavi', { value: campaign, sha256: '' }, NOW).campaign.stages[0] as {
    quorum: { minSites: number };
    aggregation: object;
  };

describe('a plan with secure aggregation', () => {
  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['a median', { aggregation: { strategy: 'median' } }, 'median compares single updates'],
    ['a trimmed mean', { aggregation: { strategy: 'trimmed-mean' } }, 'trimmed-mean compares single updates'],
    ['Krum', { aggregation: { strategy: 'krum' } }, 'krum compares single updates'],
    ['a limit on norms', { aggregation: { strategy: 'fedavg', clipNorm: 1 } }, 'clipNorm'],
    ['a relative limit on norms', { aggregation: { strategy: 'fedavg', clipFactor: 2 } }, 'clipFactor'],
    ['a limit on shares', { aggregation: { strategy: 'fedavg', shareFactor: 3 } }, 'shareFactor'],
    ['late updates', { aggregation: { strategy: 'fedavg', lateFactor: 0.5 } }, 'lateFactor'],
    ['losses of each site', { validate: {} }, 'validate sends a loss of each site'],
    ['half floats', { encoding: { dtype: 'F16' } }, 'encoding.dtype F16'],
    [
      'control variates',
      { training: { steps: 1, learningRate: 0.001, algorithm: { name: 'scaffold' } } },
      'control variates of scaffold',
    ],
    ['two sites', { sites: ['bonn', 'kiel'] }, 'it asks 2 sites, and fewer than 3'],
  ])('is refused with %s', (_, fields, reason) => {
    expect(() => planOf(campaignWith(fields))).toThrow(reason);
    expect(() => planOf(campaignWith(fields, {}))).not.toThrow();
    const { findings } = checkCampaign(campaignWith(fields), { tasks: DEFAULT_TASKS }, NOW);
    expect(findings).toMatchObject([{ level: 'error', text: expect.stringContaining(reason) }]);
  });

  test('is refused with a range that leaves small values no steps', () => {
    const planWith = (range: number) => () => planOf(campaignWith({}, { secureAggregation: { range } }));

    expect(planWith(64)).not.toThrow();
    expect(planWith(65)).toThrow('a range of 65 is more than 64');
  });

  test('names all reasons at once', () => {
    const fields = { validate: {}, aggregation: { strategy: 'median' } };
    expect(() => planOf(campaignWith(fields))).toThrow(/median compares.*; stage teacher: validate/);
  });

  test('is refused with noise of the coordinator', () => {
    const privacy = { secureAggregation: {}, differentialPrivacy: { clip: 1, epsilon: 3 } };
    expect(() => planOf(campaignWith({}, privacy))).toThrow('secureAggregation needs noise "distributed"');
  });

  test.each(['fedavg', 'fedavgm', 'fedadam', 'fedyogi'])(
    'has no default that looks at single updates: %s',
    (strategy) => {
      const { aggregation } = planOf(campaignWith({ aggregation: { strategy } }));

      expect(aggregation).not.toHaveProperty('clipFactor');
      expect(aggregation).not.toHaveProperty('shareFactor');
      const plain = planOf(campaignWith({ aggregation: { strategy } }, {}));
      expect(plain.aggregation).toHaveProperty('clipFactor');
    },
  );

  test('closes no round with fewer updates than must be in a sum', () => {
    expect(planOf(campaignWith()).quorum.minSites).toBe(3);
    expect(planOf(campaignWith({}, { secureAggregation: { threshold: 5 } })).quorum.minSites).toBe(5);
    expect(planOf(campaignWith({}, {})).quorum.minSites).toBe(1);
  });

  test('is impossible for sites that are more than twice its threshold', () => {
    const counts = new Map(
      Array.from({ length: 9 }, (_, i) => [
        `site-${i}`,
        { cases: { training: 5, evaluation: 0, rejected: 0 }, labelled: { 'hinge-points': 5 } },
      ]),
    );
    const campaign = campaignWith({}, { secureAggregation: { threshold: 4 } });
    const { findings } = checkCampaign(campaign, { tasks: DEFAULT_TASKS, counts }, NOW);

    expect(findings).toMatchObject([{ level: 'error', text: expect.stringContaining('not more than half') }]);
  });

  test('fits FedPer, Ditto, FedProx and parameters that stay at their site', () => {
    const training = { steps: 1, learningRate: 0.001 };
    for (const more of [
      { algorithm: { name: 'fedper' } },
      { algorithm: { name: 'ditto', lambda: 1 } },
      { proximal: 0.1 },
      { localParameters: ['*norm*'] },
    ]) {
      expect(() => planOf(campaignWith({ training: { ...training, ...more } }))).not.toThrow();
    }
  });
});
