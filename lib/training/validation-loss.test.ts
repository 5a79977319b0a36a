import { beforeEach, describe, expect, test } from 'vitest';
import { MAX_VALIDATION_LOSS } from '../federation/schemas/common.ts';
import type { TrainingConfig } from '../federation/schemas.ts';
import { parametersIn } from '../models/control-variates.ts';
import { loadBackend } from '../nn/backend.ts';
import { tf } from '../nn/tf.ts';
import type { Weights } from '../weights/weights.ts';
import { bodyOf } from './local-parameters.ts';
import { toyRound, toyTraining } from './testing-round.ts';
import { trainRound } from './train-round.ts';
import { validationLoss } from './validation-loss.ts';

beforeEach(() => loadBackend());

const trained = (steps: number): Promise<{ readonly weights: Weights }> =>
  trainRound({ ...toyRound, training: { ...toyTraining, steps } });
const lossOf = async (global: Weights, more: object = {}) =>
  (await validationLoss({ ...toyRound, ...more, global }))?.loss;

describe('the validation loss of a model', () => {
  test('is the same in every round and at every step of the rate, and leaks no tensor', async () => {
    const { weights } = await trained(2);
    const before = tf.memory().numTensors;

    const first = await validationLoss({ ...toyRound, global: weights });

    expect(await lossOf(weights, { round: 3, rounds: 9, site: 'bonn' })).toBe(first?.loss);
    expect(first?.cases).toBe(2);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('is lower for a model that has learnt more', async () => {
    const [early, late] = [await lossOf((await trained(1)).weights), await lossOf((await trained(40)).weights)];

    expect(late).toBeLessThan(early as number);
  });

  test('hardly depends on the batch', async () => {
    const { weights } = await trained(20);

    const one = await lossOf(weights, { training: { ...toyTraining, batch: 1 } });
    const four = await lossOf(weights, { training: { ...toyTraining, batch: 4 } });

    // Dice is pooled over a batch.
    expect(Math.abs((four as number) - (one as number))).toBeLessThan(0.2);
  });

  test('leaves out cases without a target and cases that can no longer be read', async () => {
    const { weights } = await trained(1);
    const [first] = toyRound.cases;
    const bare = {
      id: 'bare',
      targets: new Map(),
      load: async () => ({ ...(await first?.load()), targets: new Map() }),
    };
    const gone = { id: 'gone', targets: new Map(), load: async () => undefined };

    expect(await validationLoss({ ...toyRound, cases: [first, bare, gone] as never, global: weights })).toMatchObject({
      cases: 1,
    });
    expect(await validationLoss({ ...toyRound, cases: [bare, gone] as never, global: weights })).toBeUndefined();
    expect(await validationLoss({ ...toyRound, cases: [], global: weights })).toBeUndefined();
  });

  test.each([
    ['not a number', Number.NaN],
    ['infinite', Number.POSITIVE_INFINITY],
  ])('of weights that are %s is the largest that may be reported', async (_, value) => {
    const { weights } = await trained(1);
    const broken = new Map([...weights].map(([name, one]) => [name, { ...one, data: one.data.map(() => value) }]));

    const loss = await lossOf(broken as Weights);

    expect(loss).toBe(MAX_VALIDATION_LOSS);
  });

  test('of a probe is that of the body with its heads', async () => {
    const { weights } = await trained(30);
    const heads = new Map([...weights].filter(([name]) => !bodyOf(weights).has(name)));

    expect(await lossOf(heads, { body: weights })).toBe(await lossOf(weights));
  });

  test('of a model with local parameters depends on those of the site', async () => {
    const training = { ...toyTraining, steps: 10, localParameters: ['*norm*'] };
    const { weights, local } = await trainRound({ ...toyRound, training });

    expect(await lossOf(weights, { training, local })).not.toBe(await lossOf(weights, { training }));
  });

  test.each<readonly [string, Partial<TrainingConfig>]>([
    ['FedPer', { algorithm: { name: 'fedper' } }],
    ['a pattern', { localParameters: ['head.*'] }],
  ])('counts only the heads that a site has, if they stay at the sites by %s', async (_, locality) => {
    const training = { ...toyTraining, ...locality };
    const { weights, local } = await trainRound({ ...toyRound, training });
    const calcium = new Map([...local].filter(([name]) => name.includes('calcification')));
    const [first] = toyRound.tasks;

    expect(await lossOf(weights, { training, local })).toBe(await lossOf(new Map([...weights, ...local])));
    expect(await lossOf(weights, { training, local: calcium })).toBe(
      await lossOf(new Map([...weights, ...calcium]), { tasks: [first] }),
    );
    expect(await lossOf(weights, { training, local: undefined })).toBeUndefined();
  });

  test.each([
    ['SCAFFOLD', { name: 'scaffold' }],
    ['Ditto', { name: 'ditto', lambda: 0 }],
  ] as const)('with %s is that of the global model', async (_, algorithm) => {
    const training = { ...toyTraining, algorithm };
    const { weights, local } = await trainRound({ ...toyRound, training });

    expect(await lossOf(weights, { training, local })).toBe(await lossOf(parametersIn(weights)));
  });
});
