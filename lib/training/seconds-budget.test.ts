import { beforeEach, describe, expect, test } from 'vitest';
import { type TrainingConfig, trainingSchema } from '../federation/schemas.ts';
import { loadBackend } from '../nn/backend.ts';
import { decodeRoundState, encodeRoundState } from './round-state.ts';
import { stepsOfRound } from './schedule.ts';
import { differenceOf, toyRound, toyTraining } from './testing-round.ts';
import { type RoundState, type TrainRoundInput, trainRound } from './train-round.ts';

beforeEach(() => loadBackend());

/** A clock that a step advances by some seconds. */
function steppedClock(secondsOf: (step: number) => number) {
  let ms = 0;
  const states: RoundState[] = [];
  const onStep = (step: number, _loss: number, state: () => RoundState) => {
    ms += secondsOf(step) * 1000;
    states.push(state());
  };
  return { now: () => new Date(ms), onStep, states };
}

const roundOf = (secondsBudget: number | undefined, steps = 6): TrainRoundInput => ({
  ...toyRound,
  training: { ...toyTraining, steps, ...(secondsBudget === undefined ? {} : { secondsBudget }) },
});

describe('a budget of seconds', () => {
  test.each([
    [25, 10, 3],
    [20, 10, 2],
    [1, 10, 1],
    [1000, 10, 6],
  ])('of %i, with steps of %i, ends the round after %i steps', async (budget, seconds, steps) => {
    const { figures } = await trainRound({ ...roundOf(budget), ...steppedClock(() => seconds) });

    expect(figures.steps).toBe(steps);
  });

  test('leaves the weights of a round that had so many steps', async () => {
    const short = await trainRound({ ...roundOf(15), ...steppedClock(() => 10) });
    const expected = await trainRound({
      ...roundOf(undefined),
      onStep: () => undefined,
      training: { ...toyTraining, steps: 2, warmup: 0 },
      // The learning rate is that of a stage with six steps a round.
      rounds: toyRound.rounds * 3,
    });

    expect(differenceOf(short.weights, expected.weights)).toBe(0);
  });

  test('changes nothing while it is not spent, and adds no figure without one', async () => {
    const whole = await trainRound(roundOf(undefined));
    const within = await trainRound({ ...roundOf(1000), ...steppedClock(() => 1) });

    expect(differenceOf(within.weights, whole.weights)).toBe(0);
    expect(whole.figures).not.toHaveProperty('steps');
    expect(within.figures).toEqual({ ...whole.figures, steps: 6 });
  });

  test('counts the seconds before an interruption, not those of the interruption', async () => {
    const first = steppedClock(() => 10);
    await trainRound({ ...roundOf(35), ...first });
    const stored = decodeRoundState(encodeRoundState(first.states[1] as RoundState, { terms: 't' }));
    const later = steppedClock(() => 10);

    const resumed = await trainRound({ ...roundOf(35), resume: stored.state, ...later });

    expect(stored.state.seconds).toBe(20);
    expect(stored.notes).toEqual({ terms: 't' });
    expect(resumed.figures.steps).toBe(4);
    expect(later.states).toHaveLength(2);
  });

  test('that was spent at the interruption ends the round without another step', async () => {
    const first = steppedClock(() => 10);
    const { weights } = await trainRound({ ...roundOf(20), ...first });

    const resumed = await trainRound({ ...roundOf(20), resume: first.states[1], ...steppedClock(() => 10) });

    expect(resumed.figures.steps).toBe(2);
    expect(differenceOf(resumed.weights, weights)).toBe(0);
  });

  test('is whole for a checkpoint of a release without one', async () => {
    const first = steppedClock(() => 10);
    await trainRound({ ...roundOf(undefined), ...first });

    const resumed = await trainRound({ ...roundOf(10), resume: first.states[1], ...steppedClock(() => 10) });

    expect(first.states[1]).not.toHaveProperty('seconds');
    expect(resumed.figures.steps).toBe(3);
  });

  test.each<readonly [string, Partial<TrainingConfig>, number]>([
    ['SCAFFOLD', { algorithm: { name: 'scaffold' } }, 15],
    ['FedPer', { algorithm: { name: 'fedper' } }, 15],
    // Half of the seconds are the personal model's.
    ['Ditto', { algorithm: { name: 'ditto', lambda: 10 } }, 40],
  ])('of %s leaves what a round of so many steps leaves, and resumes from any step', async (_, algorithm, budget) => {
    const options = { ...roundOf(budget), training: { ...roundOf(budget).training, ...algorithm } };
    const clock = steppedClock(() => 10);
    const short = await trainRound({ ...options, ...clock });
    const { secondsBudget: __, ...unlimited } = options.training;
    const expected = await trainRound({
      ...options,
      training: { ...unlimited, steps: 2, warmup: 0 },
      // The learning rate is that of a stage with six steps a round.
      rounds: toyRound.rounds * 3,
    });

    expect(short).toEqual({ ...expected, figures: { ...expected.figures, steps: 2 } });
    expect(clock.states.map(({ seconds }) => seconds)).toEqual(clock.states.map((__, index) => 10 * (index + 1)));
    expect(clock.states).toHaveLength(stepsOfRound({ ...options.training, steps: 2 }));
    for (const state of clock.states) {
      const { state: resume } = decodeRoundState(encodeRoundState(state, {}));
      expect(await trainRound({ ...options, resume, ...steppedClock(() => 10) })).toEqual(short);
    }
  });

  test('is not shortened by a clock that goes back', async () => {
    const { figures } = await trainRound({ ...roundOf(10), ...steppedClock(() => -100) });

    expect(figures.steps).toBe(6);
  });

  test.each([0, -1, Number.NaN])('is never %d', (secondsBudget) => {
    expect(trainingSchema.safeParse({ steps: 1, learningRate: 1, secondsBudget }).success).toBe(false);
  });
});
