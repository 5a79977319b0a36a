import { beforeAll, describe, expect, test } from 'vitest';
import { type AdamWOptions, createAdamW } from './adamw.ts';
import { loadBackend } from './backend.ts';
import { availableBackends, difference, fixture, numbers } from './test-numbers.ts';
import { tf } from './tf.ts';
import { trainStep } from './train-step.ts';

const reference = fixture<Record<'p' | 'q', readonly number[]>>('adamw');
const OPTIONS: AdamWOptions = { weightDecay: 0.1, gradientClip: 1.5 };
const make = () =>
  new Map([
    ['p', tf.variable(tf.tensor(numbers('p', [5]), [5]))],
    ['q', tf.variable(tf.tensor(numbers('q', [2, 3]), [2, 3]))],
  ]);
const loss = (variables: ReadonlyMap<string, tf.Variable>, step: number) => () =>
  tf.add(
    tf.mul(tf.sum(tf.square(variables.get('p')!)), 3),
    tf.mul(tf.sum(tf.abs(tf.sub(variables.get('q')!, 1))), step + 1),
  ) as tf.Scalar;

describe.each(await availableBackends())('AdamW on the %s backend', (backend) => {
  beforeAll(async () => {
    await loadBackend(backend);
  });

  test("takes PyTorch's steps, and goes on from exported moments", () => {
    let variables = make();
    let optimizer = createAdamW(variables, OPTIONS);
    for (let step = 0; step < 5; step++) {
      trainStep(variables.values(), optimizer, 0.05, loss(variables, step));
      if (step !== 2) continue;
      const again = make();
      for (const [name, variable] of again) variable.assign(tf.tensor(variables.get(name)!.dataSync(), variable.shape));
      const resumed = createAdamW(again, OPTIONS);
      resumed.load(optimizer.read());
      [variables, optimizer] = [again, resumed];
    }
    expect(difference(variables.get('p')!.dataSync(), reference.p)).toBeLessThan(2e-6);
    expect(difference(variables.get('q')!.dataSync(), reference.q)).toBeLessThan(2e-6);
    expect([...optimizer.read()].map(([name, { shape }]) => [name, ...shape])).toEqual([
      ['steps/all', 1],
      ['m/p', 5],
      ['m/q', 2, 3],
      ['v/p', 5],
      ['v/q', 2, 3],
    ]);
  });

  test('sees values that someone else assigned between two steps', () => {
    const variables = make();
    const p = variables.get('p')!;
    const optimizer = createAdamW(variables);
    trainStep(variables.values(), optimizer, 0.05, loss(variables, 0));
    tf.tidy(() => p.assign(tf.fill([5], 10)));
    trainStep(variables.values(), optimizer, 0.05, loss(variables, 0));
    for (const value of p.dataSync()) expect(Math.abs(value - 10)).toBeLessThan(0.1);
  });

  test('leaves a group without gradient alone', () => {
    const variables = make();
    const optimizer = createAdamW(variables, { weightDecay: 0.5, group: (name) => name });
    const before = Array.from(variables.get('q')!.dataSync());
    for (let step = 0; step < 3; step++) {
      trainStep(variables.values(), optimizer, 0.05, () => tf.sum(tf.square(variables.get('p')!)) as tf.Scalar);
    }
    expect(Array.from(variables.get('q')!.dataSync())).toEqual(before);
    expect(optimizer.read().get('steps/q')!.data[0]).toBe(0);
    expect(optimizer.read().get('steps/p')!.data[0]).toBe(3);
  });

  test('refuses the state of another network, and steps after a loss that is not finite', () => {
    const variables = make();
    const optimizer = createAdamW(variables);
    const state = new Map(optimizer.read());
    state.delete('v/q');
    expect(() => optimizer.load(state)).toThrow(expect.objectContaining({ code: 'BAD_WEIGHTS' }));
    const before = Array.from(variables.get('p')!.dataSync());
    const tensors = tf.memory().numTensors;
    expect(() =>
      trainStep(variables.values(), optimizer, 1, () => tf.sum(tf.log(tf.mul(variables.get('p')!, -1e9))) as tf.Scalar),
    ).toThrow(expect.objectContaining({ code: 'TRAINING_DIVERGED' }));
    expect(Array.from(variables.get('p')!.dataSync())).toEqual(before);
    expect(tf.memory().numTensors).toBe(tensors);
  });
});
