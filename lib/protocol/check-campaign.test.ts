import { describe, expect, test } from 'vitest';
import { campaignSchema } from '../federation/schemas.ts';
import { DEFAULT_TASKS } from '../federation/tasks.ts';
import { TEACHER_STAGE } from '../federation/testing.ts';
import { type CheckedAgainst, checkCampaign } from './check-campaign.ts';

const NOW = new Date('2026-03-02T08:00:00.000Z');

const campaignOf = (...changes: readonly object[]) =>
  campaignSchema.parse({
    schema: 'fedcardio.campaign/1',
    id: 'tavi',
    stages: changes.map((change, index) => ({ ...TEACHER_STAGE, name: `stage-${index}`, ...change })),
  });

const counts = (labelled: Readonly<Record<string, number>>): CheckedAgainst['counts'] =>
  new Map(
    Object.entries(labelled).map(([site, cases]) => [
      site,
      { cases: { training: 5, evaluation: 1, rejected: 0 }, labelled: { 'hinge-points': cases } },
    ]),
  );

const errorsOf = (change: object, against: Partial<CheckedAgainst>) =>
  checkCampaign(campaignOf(change), { tasks: DEFAULT_TASKS, ...against }, NOW).findings.flatMap(({ level, text }) =>
    level === 'error' ? [text] : [],
  );

describe('checkCampaign', () => {
  test('accepts a campaign that can run, and tells who takes part', () => {
    const { findings, stages } = checkCampaign(
      campaignOf({}),
      { tasks: DEFAULT_TASKS, counts: counts({ bonn: 2, kiel: 0, ulm: 3 }) },
      NOW,
    );

    expect(findings.filter(({ level }) => level === 'error')).toEqual([]);
    expect(stages[0]?.participants.map(({ site, samples }) => [site, samples])).toEqual([
      ['bonn', 2],
      ['ulm', 3],
    ]);
  });

  test('names the nearest task for an unknown one, even without counts', () => {
    expect(errorsOf({ task: 'hinge-point' }, {})).toEqual([
      expect.stringContaining('There is no task "hinge-point". Did you mean "hinge-points"?'),
    ]);
  });

  test.each([
    [{ quorum: { minSites: 9 } }, { bonn: 1, kiel: 1 }, 'Stage stage-0 needs 9 sites; the federation has 2.'],
    [{}, { bonn: 0 }, 'Round 1 of stage-0 cannot open: no site has training cases with hinge-points labels.'],
    [{ quorum: { minSites: 2 } }, { bonn: 1, kiel: 0 }, 'only bonn of 2 sites have training cases'],
    [{ sites: ['bonn'], quorum: { minSites: 2 } }, { bonn: 1, kiel: 1 }, 'needs 2 sites, but asks only bonn'],
    [{ aggregation: { strategy: 'krum', byzantine: 2 } }, { bonn: 1, kiel: 1 }, 'will fail with 2 sites'],
  ])('refuses %j with the labels %j', (change, labelled, text) => {
    expect(errorsOf(change, { counts: counts(labelled) })).toEqual([expect.stringContaining(text)]);
  });

  test('refuses secure aggregation with a threshold that is too low for the sites that have the data', () => {
    const value = { ...campaignOf({}), privacy: { secureAggregation: { threshold: 3 } } };
    const campaign = campaignSchema.parse({ ...value, stages: [{ ...TEACHER_STAGE, name: 'stage-0' }] });
    const errors = (labelled: Readonly<Record<string, number>>) =>
      checkCampaign(campaign, { tasks: DEFAULT_TASKS, counts: counts(labelled) }, NOW).findings.filter(
        ({ level }) => level === 'error',
      );

    const text =
      'Stage stage-0 cannot begin: 6 sites have its data, and a threshold of 3 is not more than half of them.';
    expect(errors({ aachen: 1, bonn: 1, celle: 1, gera: 1, kiel: 1, ulm: 1 })).toEqual([{ level: 'error', text }]);
    expect(errors({ aachen: 1, bonn: 1, celle: 1, gera: 1, kiel: 1, ulm: 0 })).toEqual([]);
  });

  test('counts the sites of federation.json where the counts were not read', () => {
    expect(errorsOf({ quorum: { minSites: 3 } }, { sites: ['bonn', 'kiel'] })).toEqual([
      'Stage stage-0 needs 3 sites; the federation has 2.',
    ]);
    expect(errorsOf({ quorum: { minSites: 3 } }, {})).toEqual([]);
  });

  test('raises the quorum to that of the federation, as the plan does', () => {
    expect(errorsOf({}, { counts: counts({ bonn: 1 }), minSites: 2, sites: ['bonn', 'kiel'] })).toEqual([
      expect.stringContaining('only bonn of 2 sites have'),
    ]);
  });

  test('refuses a site that the federation lacks, and only warns where it may not have sent counts yet', () => {
    const change = { sites: ['bonn', 'kil'] };
    const known = counts({ bonn: 1, kiel: 1 });

    expect(errorsOf(change, { counts: known, sites: ['bonn', 'kiel'] })).toEqual([
      'The federation has no site "kil". Did you mean "kiel"?',
    ]);
    expect(errorsOf(change, { counts: known })).toEqual([]);
  });
});
