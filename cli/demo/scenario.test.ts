import { describe, expect, test } from 'vitest';
import { federationSchema } from '../../lib/federation/schemas.ts';
import { allCases, casesOf, DEMO_TASKS, scenarioOf } from './scenario.ts';

/** Labelled CTs of the published federation: hinge points, septum, calcification (npj Digital Medicine 8:88). */
const PUBLISHED = {
  heidelberg: [78, 73, 78],
  munich: [30, 0, 20],
  muenster: [27, 20, 0],
  goettingen: [42, 0, 0],
  berlin: [0, 0, 0],
  frankfurt: [20, 0, 20],
  hamburg: [34, 23, 0],
  greifswald: [25, 0, 0],
} as const;

describe.each(['full', 'quick'] as const)('the %s scenario', (profile) => {
  const scenario = scenarioOf({ profile, seed: 1 });

  test('is a valid federation of the eight hospitals', () => {
    expect(federationSchema.parse(scenario.federation).sites.map(({ id }) => id)).toEqual(Object.keys(PUBLISHED));
  });

  test('has labels of a task at exactly the sites that have them in the publication', () => {
    for (const site of scenario.sites) {
      const published = PUBLISHED[site.id as keyof typeof PUBLISHED];
      DEMO_TASKS.forEach((task, index) => {
        expect(Math.sign(site.labelled[task] ?? 0), `${site.id} ${task}`).toBe(Math.sign(published[index] as number));
      });
    }
  });

  test('holds out cases with all labels at every site', () => {
    for (const site of scenario.sites) {
      const heldOut = casesOf(site).filter(({ use }) => use === 'evaluation');
      expect(heldOut.length).toBeGreaterThan(0);
      expect(heldOut.every(({ tasks }) => tasks.length === DEMO_TASKS.length)).toBe(true);
    }
  });

  test('has the stated number of labelled CTs for every task, and no duplicate CT', () => {
    for (const site of scenario.sites) {
      const cases = casesOf(site);
      for (const task of DEMO_TASKS) {
        const labelled = cases.filter(({ use, tasks }) => use === 'training' && tasks.includes(task));
        expect(labelled).toHaveLength(site.labelled[task] ?? 0);
      }
      expect(new Set(cases.map(({ caseId }) => caseId)).size).toBe(cases.length);
    }
  });

  test('alternates between the sites and includes every CT', () => {
    const order = allCases(scenario);
    expect(new Set(order.slice(0, 8).map(({ site }) => site.id)).size).toBe(8);
    expect(order).toHaveLength(scenario.sites.reduce((sum, site) => sum + casesOf(site).length, 0));
  });

  test('uploads landmarks in both formats', () => {
    expect(new Set(scenario.sites.map(({ landmarks }) => landmarks))).toEqual(new Set(['class-map', 'markups']));
  });
});

test('has unlabelled CTs for pseudo-labels in the full scenario', () => {
  const training = allCases(scenarioOf({ profile: 'full', seed: 1 })).filter(({ use }) => use === 'training');
  expect(training.filter(({ tasks }) => tasks.length === 0).length).toBeGreaterThan(training.length / 2);
});
