import { describe, expect, test } from 'vitest';
import { campaignSchema, kindOf } from '../federation/schemas.ts';
import { TASKS, type Task } from '../federation/tasks.ts';
import { TEACHER_STAGE } from '../federation/testing.ts';
import type { Intensity } from '../imaging/intensity.ts';
import { canonicalJson } from '../json.ts';
import { checkCampaign } from './check-campaign.ts';
import { learns, planCampaign } from './plan.ts';

const NOW = new Date(0);
const WIDE: Intensity = { low: -1000, high: 1000, mean: 0, deviation: 1000 };
const MR: Intensity = { low: null, high: null, mean: 'image', deviation: 'image', outside: 0 };
const CT: Intensity = { low: -200, high: 1300, mean: 125, deviation: 220 };

const { model, training, rounds } = TEACHER_STAGE;
const teacher = (task: string, intensity?: Intensity) => ({
  kind: 'teacher',
  name: `teacher/${task}`,
  task,
  rounds,
  model,
  training: { ...training, intensity },
});
const student = (tasks: readonly string[], intensity?: Intensity) => ({
  ...teacher('x', intensity),
  kind: 'student',
  name: 'student',
  task: undefined,
  tasks,
});
const probe = (of: string, task: string, intensity?: Intensity) => ({
  ...teacher(task, intensity),
  kind: 'probe',
  name: 'probe',
  model: undefined,
  of,
});

const recommending = (id: keyof typeof TASKS, intensity?: Intensity): Task => ({ ...TASKS[id], intensity });

const campaignOf = (...stages: readonly object[]) =>
  campaignSchema.parse(JSON.parse(JSON.stringify({ schema: 'fedcardio.campaign/1', id: 'tavi', stages })));

/** The planned intensities by stage. */
function planned(tasks: readonly Task[], ...stages: readonly object[]) {
  const value = campaignOf(...stages);
  const plan = planCampaign('tavi', { value, sha256: 'a'.repeat(64) }, NOW, { tasks });
  return Object.fromEntries(
    plan.campaign.stages.flatMap((stage) => (learns(stage) ? [[stage.name, stage.training.intensity]] : [])),
  );
}

const POINTS = 'hinge-points';
const CALCIUM = 'calcification';

describe('the plan of a campaign', () => {
  test('without intensities has the bytes of earlier releases', () => {
    const value = campaignOf(teacher(POINTS), probe('teacher/hinge-points', CALCIUM));

    const plan = planCampaign('tavi', { value, sha256: 'a'.repeat(64) }, NOW);

    expect(canonicalJson(plan)).not.toContain('intensity');
    expect(value.stages.every((stage) => kindOf(stage).tasks(stage).length === 1)).toBe(true);
  });

  test('has the intensity of each stage, or else what its tasks recommend', () => {
    const tasks = [recommending(POINTS, MR), recommending(CALCIUM)];

    expect(planned(tasks, teacher(POINTS), teacher(CALCIUM), student([POINTS], WIDE))).toEqual({
      'teacher/hinge-points': MR,
      'teacher/calcification': undefined,
      student: WIDE,
    });
  });

  test('gives a probe the intensity of the network that it probes, whatever its task recommends', () => {
    const tasks = [recommending(POINTS, MR), recommending(CALCIUM, WIDE)];

    expect(planned(tasks, teacher(POINTS), probe('teacher/hinge-points', CALCIUM)).probe).toEqual(MR);
    expect(planned(tasks, teacher(POINTS, WIDE), probe('teacher/hinge-points', CALCIUM, WIDE)).probe).toEqual(WIDE);
    expect(
      planned([TASKS[POINTS], TASKS[CALCIUM]], teacher(POINTS), probe('teacher/hinge-points', CALCIUM, CT)).probe,
    ).toEqual(CT);
  });

  test.each<[string, readonly Task[], readonly object[], RegExp]>([
    [
      'tasks of one stage that recommend different ones',
      [recommending(POINTS, MR), recommending(CALCIUM)],
      [student([POINTS, CALCIUM])],
      /Stage student: its tasks hinge-points and calcification recommend different intensities/,
    ],
    [
      'a probe with another one than its network',
      [TASKS[POINTS], TASKS[CALCIUM]],
      [teacher(POINTS), probe('teacher/hinge-points', CALCIUM, MR)],
      /Stage probe has another training.intensity than teacher\/hinge-points/,
    ],
    [
      'a probe with the default on a network with another',
      [TASKS[POINTS], TASKS[CALCIUM]],
      [teacher(POINTS, MR), probe('teacher/hinge-points', CALCIUM, CT)],
      /Stage probe has another/,
    ],
  ])('is refused for %s, and `campaign validate` says so', (_, tasks, stages, message) => {
    const { findings } = checkCampaign(campaignOf(...stages), { tasks }, NOW);

    expect(() => planned(tasks, ...stages)).toThrow(message);
    expect(findings).toEqual([{ level: 'error', text: expect.stringMatching(message) }]);
  });

  test('accepts tasks that recommend different ones if the stage says which', () => {
    const tasks = [recommending(POINTS, MR), recommending(CALCIUM)];

    expect(planned(tasks, student([POINTS, CALCIUM], WIDE)).student).toEqual(WIDE);
  });
});

test.each([
  ['low above high', { low: 10, high: 0, mean: 0, deviation: 1 }],
  ['no deviation', { low: 0, high: 10, mean: 0, deviation: 0 }],
  ['unknown statistics', { low: 0, high: 10, mean: 'site', deviation: 1 }],
  ['a missing bound', { high: 10, mean: 0, deviation: 1 }],
])('an intensity with %s is refused', (_, intensity) => {
  expect(() => campaignOf(teacher(POINTS, intensity as Intensity))).toThrow(/intensity/);
});
