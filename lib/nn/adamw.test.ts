import { beforeAll, describe, expect, test } from 'vitest';
import { type AdamWOptions, createAdamW } from './adamw.ts';
import { loadBackend } from './backend.ts';
import { availableBackends, difference, fixture, numbers } from './testing.ts';
import { tf } from './tf.ts';
import { trainStep } from './train-step.ts';

const reference = fixture<Record<'plain' | 'proximal', Record<'p' | 'q', readonly number[]>>>('adamw');
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

  test.each([
    ['plain', 0],
    ['proximal', 20],
  ] as const)('takes the steps of PyTorch (%s)', (kind, mu) => {
    const variables = make();
    const optimizer = createAdamW(variables, { ...OPTIONS, proximal: () => mu });
    const tensors: number[] = [];
    for (let step = 0; step < 5; step++) {
      trainStep(variables.values(), optimizer, 0.05, loss(variables, step));
      tensors.push(tf.memory().numTensors);
    }
    for (const name of ['p', 'q'] as const) {
      expect(difference(variables.get(name)!.dataSync(), reference[kind][name]), name).toBeLessThan(2e-6);
    }
    expect(new Set(tensors.slice(1)).size).toBe(1);
  });

  test('pulls the given groups to their first values, with one more vector each', () => {
    const moved = (mu: number) => {
      const before = tf.memory();
      const variables = make();
      const optimizer = createAdamW(variables, {
        group: (name) => name,
        proximal: (group) => (group === 'p' ? mu : 0),
      });
      const held = tf.memory().numBytes - before.numBytes;
      for (let step = 0; step < 20; step++) {
        trainStep(variables.values(), optimizer, 0.01, loss(variables, 0));
      }
      const [p, q] = ['p', 'q'].map((name) => {
        const start = make().get(name)!;
        return difference(variables.get(name)!.dataSync(), start.dataSync());
      }) as [number, number];
      optimizer.dispose();
      return { p, q, held };
    };
    const [free, held] = [moved(0), moved(1000)];
    expect(held.p).toBeLessThan(free.p / 4);
    expect(held.q).toBe(free.q);
    expect(held.held - free.held).toBe(5 * 4);
  });

  test('continues from exported moments', () => {
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
    expect(difference(variables.get('p')!.dataSync(), reference.plain.p)).toBeLessThan(2e-6);
    expect(difference(variables.get('q')!.dataSync(), reference.plain.q)).toBeLessThan(2e-6);
    expect([...optimizer.read()].map(([name, { shape }]) => [name, ...shape])).toEqual([
      ['steps/all', 1],
      ['m/p', 5],
      ['m/q', 2, 3],
      ['v/p', 5],
      ['v/q', 2, 3],
    ]);
  });

  test('uses values that other code assigned between two steps', () => {
    const variables = make();
    const p = variables.get('p')!;
    const optimizer = createAdamW(variables);
    trainStep(variables.values(), optimizer, 0.05, loss(variables, 0));
    tf.tidy(() => p.assign(tf.fill([5], 10)));
    trainStep(variables.values(), optimizer, 0.05, loss(variables, 0));
    for (const value of p.dataSync()) expect(Math.abs(value - 10)).toBeLessThan(0.1);
  });

  test('does not change a group without a gradient', () => {
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

  test('refuses the state of another network, and a step with a loss that is not finite', () => {
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

  test('refuses an infinite gradient of a finite loss, and keeps the moments', () => {
    const variables = make();
    const optimizer = createAdamW(variables, { gradientClip: 1 });
    trainStep(variables.values(), optimizer, 0.1, loss(variables, 0));
    const before = [...variables.values()].map((variable) => Array.from(variable.dataSync()));
    const moments = optimizer.read();
    // At 0 the root is 0 and its slope infinite.
    const root = () => tf.sum(tf.sqrt(tf.mul(variables.get('p')!, 0))) as tf.Scalar;
    expect(root().dataSync()[0]).toBeCloseTo(0);
    expect(() => trainStep(variables.values(), optimizer, 0.1, root)).toThrow(
      expect.objectContaining({ code: 'TRAINING_DIVERGED', message: expect.stringContaining('gradient') }),
    );
    expect([...variables.values()].map((variable) => Array.from(variable.dataSync()))).toEqual(before);
    expect(optimizer.read()).toEqual(moments);
  });

  test('follows the mean gradient of several losses with the memory of one', () => {
    const [parts, whole] = [make(), make()];
    const [few, one] = [createAdamW(parts), createAdamW(whole)];
    const only = (variables: ReturnType<typeof make>) => () => tf.sum(tf.square(variables.get('p')!)) as tf.Scalar;
    const losses = [1, 2, 3].map((step) => loss(parts, step));
    const before = tf.memory().numTensors;
    // Two of the losses do not reach q: their gradient there counts as 0.
    const value = trainStep(parts.values(), few, 0.05, ...losses, only(parts), only(parts));
    expect(tf.memory().numTensors).toBe(before);
    const mean = () =>
      tf.div(tf.addN([...[1, 2, 3].map((step) => loss(whole, step)()), only(whole)(), only(whole)()]), 5) as tf.Scalar;
    expect(trainStep(whole.values(), one, 0.05, mean)).toBeCloseTo(value, 5);
    for (const [name, { data }] of few.read()) {
      expect(difference(data, one.read().get(name)!.data), name).toBeLessThan(1e-6);
    }
  });
});
