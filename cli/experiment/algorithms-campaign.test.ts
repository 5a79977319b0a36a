import { expect, test } from 'vitest';
import { ALGORITHM_ROWS, ALGORITHMS } from '../../lib/report/experiment/algorithms.ts';
import { scenarioOf } from '../demo/scenario.ts';
import { algorithmsCampaign } from './algorithms-campaign.ts';

const { stages } = algorithmsCampaign(scenarioOf({ profile: 'experiment', seed: 1 }));

test('trains the same teacher by every algorithm, and scores it', () => {
  const evaluate = stages.find(({ kind }) => kind === 'evaluate');
  const teachers = stages.filter((stage) => stage.kind === 'teacher');

  expect(teachers.map(({ name }) => name)).toEqual(Object.keys(ALGORITHMS));
  const common = teachers.map(({ name, training, ...others }) => {
    const { proximal, localParameters, algorithm, ...same } = training;
    return { ...others, training: same };
  });
  expect(new Set(common.map((stage) => JSON.stringify(stage))).size).toBe(1);
  expect(new Set(teachers.map(({ training }) => JSON.stringify(training))).size).toBe(teachers.length);
  expect(evaluate?.kind === 'evaluate' && evaluate.models).toEqual(
    Object.fromEntries(Object.keys(ALGORITHMS).map((name) => [name, name])),
  );
  for (const row of ALGORITHM_ROWS) {
    for (const { model } of row.models('hinge-points', ['munich'])) expect(Object.keys(ALGORITHMS)).toContain(model);
  }
});
