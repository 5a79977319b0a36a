import { beforeEach, describe, expect, test } from 'vitest';
import { headOf } from '../models/parameters.ts';
import { loadBackend } from '../nn/backend.ts';
import type { Weights } from '../weights/weights.ts';
import { inMemory } from './cases.ts';
import { decodeRoundState, encodeRoundState } from './round-state.ts';
import { ballCase } from './testing-cases.ts';
import { still, toyRound, toyTraining } from './testing-round.ts';
import { type RoundState, type TrainRoundInput, trainRound } from './train-round.ts';

beforeEach(() => loadBackend());

const SEPTUM = 'membranous-septum';
const CALCIUM = 'calcification';
const caseOf = (id: string, task: string) => inMemory(ballCase(id, 16, 6, [task]));
/** One case for each head. */
const CASES = [caseOf('a', CALCIUM), caseOf('b', SEPTUM)];
const roundOf = (steps: number, fields: Partial<TrainRoundInput> = {}): TrainRoundInput => ({
  ...toyRound,
  cases: CASES,
  ...fields,
  training: { ...toyTraining, steps, ...fields.training },
});

const headsOf = (names: Iterable<string>) => new Set([...names].map(headOf));
const unchanged = (weights: Weights, start: Weights) =>
  [...weights.keys()].filter((name) =>
    Buffer.from(weights.get(name)!.data.buffer).equals(Buffer.from(start.get(name)!.data.buffer)),
  );

describe('the heads that a round did not train', () => {
  test.each(['berlin', 'bonn', 'kiel', 'ulm'])(
    'are those that got no patch, and have the bytes of the start: %s',
    async (site) => {
      const { weights: global, optimizer } = await trainRound(roundOf(2, { site }));

      for (const kept of [undefined, optimizer]) {
        const { weights, untrained } = await trainRound(roundOf(1, { site, global, optimizer: kept, round: 2 }));

        expect(headsOf(untrained).size).toBe(1);
        expect(untrained).toEqual(unchanged(weights, global));
      }
    },
  );

  test('are none once every head has made a step', async () => {
    expect((await trainRound(roundOf(2))).untrained).toEqual([]);
  });

  test('are those whose only case cannot be read', async () => {
    const broken = { ...caseOf('b', SEPTUM), load: async () => undefined };
    const { untrained } = await trainRound(roundOf(3, { cases: [caseOf('a', CALCIUM), broken] }));

    expect(headsOf(untrained)).toEqual(new Set([SEPTUM]));
  });

  test('do not include one that made its step before an interruption', async () => {
    const { weights: global, optimizer } = await trainRound(roundOf(2));
    const round = roundOf(2, { global, optimizer, round: 2 });
    let kept: RoundState | undefined;
    const onStep = (_step: number, _loss: number, state: () => RoundState) => {
      kept = decodeRoundState(encodeRoundState(state(), {})).state;
      throw new Error('stopped');
    };
    await expect(trainRound({ ...round, onStep })).rejects.toThrow('stopped');

    expect((await trainRound({ ...round, resume: kept })).untrained).toEqual([]);
  });

  test('with DP-SGD follow from the labels alone: whether a case was drawn does not show', async () => {
    const dpSgd = { clip: 1, noiseMultiplier: 1, delta: 1e-5 };
    const training = { ...toyTraining, steps: 1, dpSgd };
    const secret = new Uint8Array(32).fill(3);
    const cases = Array.from({ length: 8 }, (_, i) => caseOf(`c${i}`, i === 0 ? SEPTUM : CALCIUM));

    expect((await trainRound(roundOf(1, { cases, training, secret }))).untrained).toEqual([]);
  });

  test('with SCAFFOLD include their control variates', async () => {
    const training = { ...toyTraining, steps: 1, algorithm: { name: 'scaffold' as const } };
    const { weights, untrained } = await trainRound(roundOf(1, { training }));
    const start = (await trainRound({ ...roundOf(1), training: { ...still, algorithm: { name: 'scaffold' } } }))
      .weights;
    const same = unchanged(weights, start).filter((name) => headOf(name) !== undefined);

    expect(untrained).toEqual(expect.arrayContaining(same));
    expect(untrained.length).toBe(2 * same.length);
  });

  test('stay at no site as its own before their first step', async () => {
    const training = { ...toyTraining, steps: 1, algorithm: { name: 'fedper' as const } };
    const first = await trainRound(roundOf(1, { training }));

    expect(headsOf(first.local.keys()).size).toBe(1);

    const both = await trainRound(roundOf(2, { training: { ...training, steps: 2 } }));
    const later = await trainRound(roundOf(1, { training, local: both.local, optimizer: both.optimizer, round: 2 }));
    expect(headsOf(later.local.keys()).size).toBe(2);
  });
});
