import { describe, expect, test } from 'vitest';
import { PAPER_TASKS } from '../../lib/federation/tasks.ts';
import { PAPER_ROWS, VARIANT_ROWS } from '../../lib/report/experiment/compared-models.ts';
import { scenarioOf } from '../demo/scenario.ts';
import { workloadOf } from '../run/workload.ts';
import { experimentCampaign } from './experiment-campaign.ts';

const scenario = scenarioOf({ profile: 'experiment', seed: 1 });

describe.each(['small', 'paper'] as const)('the %s experiment', (profile) => {
  const campaign = experimentCampaign(scenario, profile);
  const stages = new Map(campaign.stages.map((stage) => [stage.name, stage]));

  test('trains and scores every model of the tables', () => {
    const evaluate = stages.get('evaluate');
    const scored = new Set(evaluate?.kind === 'evaluate' ? Object.values(evaluate.models) : []);
    for (const row of [...PAPER_ROWS, ...VARIANT_ROWS]) {
      for (const task of PAPER_TASKS) {
        const labelled = scenario.sites.filter((site) => (site.labelled[task] ?? 0) > 0).map(({ id }) => id);
        for (const { model } of row.models(task, labelled)) expect(scored, `${row.title}, ${task}`).toContain(model);
      }
    }
  });

  test('gives every model of a network the same number of steps, alone or federated', () => {
    const steps = new Map<string, Set<number>>();
    for (const stage of campaign.stages) {
      if (stage.kind !== 'student' && stage.kind !== 'teacher') continue;
      const kind = stage.kind === 'teacher' ? `teacher of ${stage.task}` : 'student';
      steps.set(kind, (steps.get(kind) ?? new Set()).add(stage.rounds * stage.training.steps));
    }
    expect([...steps.values()].map((all) => all.size)).toEqual([...steps.values()].map(() => 1));
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
