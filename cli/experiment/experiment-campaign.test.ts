import { describe, expect, test } from 'vitest';
import { PAPER_TASKS } from '../../lib/federation/tasks.ts';
import { MODELS, PAPER_ROWS, VARIANT_ROWS } from '../../lib/report/experiment/compared-models.ts';
import { scenarioOf } from '../demo/scenario.ts';
import { workloadOf } from '../run/workload.ts';
import { experimentCampaign } from './experiment-campaign.ts';

const scenario = scenarioOf({ profile: 'experiment', seed: 1 });

describe.each(['small', 'paper'] as const)('the %s experiment', (profile) => {
  const campaign = experimentCampaign(scenario, profile);
  const stages = new Map(campaign.stages.map((stage) => [stage.name, stage]));

  test('trains and scores a model for every row of the tables', () => {
    const evaluate = stages.get('evaluate');
    const { models: scoredModels, thresholds = [] } = evaluate as Extract<typeof evaluate, { kind: 'evaluate' }>;
    const scored = new Set([...Object.keys(scoredModels), ...thresholds.map(({ name }) => name)]);
    for (const { title, models } of [...PAPER_ROWS, ...VARIANT_ROWS]) {
      const named = PAPER_TASKS.flatMap((task) =>
        models(
          task,
          scenario.sites.filter((site) => (site.labelled[task] ?? 0) > 0).map(({ id }) => id),
        ),
      ).map(({ model }) => model);
      expect(
        named.some((model) => scored.has(model)),
        title,
      ).toBe(true);
    }
  });

  test('gives every model of a kind the same number of steps, alone or federated', () => {
    const steps = new Map<string, Set<number>>();
    for (const stage of campaign.stages) {
      if (stage.kind !== 'student' && stage.kind !== 'teacher') continue;
      if (stage.name.includes('long')) continue;
      const kind = stage.kind === 'teacher' ? `teacher of ${stage.task}` : 'student';
      steps.set(kind, (steps.get(kind) ?? new Set()).add(stage.rounds * stage.training.steps));
    }
    expect([...steps.values()].map((all) => all.size)).toEqual([...steps.values()].map(() => 1));
  });

  test("gives the student's rivals on labels alone the steps of all sites, or the teachers' time too", () => {
    const sitesOf = (tasks: readonly string[]) =>
      scenario.sites.filter(({ labelled }) => tasks.some((task) => (labelled as Record<string, number>)[task])).length;
    const stepsOf = (name: string) => {
      const stage = stages.get(name);
      return stage && 'training' in stage ? stage.rounds * stage.training.steps : 0;
    };
    const federated = stepsOf(MODELS.federatedSwin);
    const sites = sitesOf(PAPER_TASKS);
    const teachers = PAPER_TASKS.reduce((sum, task) => sum + sitesOf([task]) * stepsOf(MODELS.teacher(task)), 0);

    expect(stepsOf(MODELS.localSwinLong('heidelberg'))).toBe(sites * federated);
    // A step of the UNet takes half the time of one of the Swin UNETR.
    const fair = federated + teachers / 2 / sites;
    expect(stepsOf(MODELS.labelsOnlyLong)).toBeGreaterThanOrEqual(fair);
    expect(stepsOf(MODELS.labelsOnlyLong)).toBeLessThan(1.02 * fair);
  });

  test('averages every head over the sites that trained it', () => {
    for (const stage of campaign.stages) {
      if (stage.kind === 'student') expect(stage.aggregation, stage.name).toMatchObject({ untrained: 'skip' });
    }
  });

  test("trains a single hospital's models only for tasks that it has labels of", () => {
    const alone = campaign.stages.filter(({ sites }) => sites);
    expect(alone.length).toBeGreaterThan(7);
    for (const stage of alone) {
      const site = scenario.sites.find(({ id }) => id === stage.sites?.[0]);
      const tasks = stage.kind === 'teacher' ? [stage.task] : stage.kind === 'student' ? stage.tasks : [];
      const labelled: Readonly<Record<string, number>> = site?.labelled ?? {};
      for (const task of tasks) expect(labelled[task], stage.name).toBeGreaterThan(0);
    }
    expect(alone.some(({ sites }) => sites?.includes('berlin'))).toBe(false);
  });

  test('has a workload that counts every stage once', () => {
    const { total, of } = workloadOf(campaign, scenario.sites);
    expect(of({ stage: 'local-swin/munich', site: 'munich' })).toBeGreaterThan(0);
    expect(of({ stage: 'local-swin/munich', site: 'berlin' })).toBe(0);
    expect(total).toBeGreaterThan(0);
  });
});
