import { beforeAll, describe, expect, test } from 'vitest';
import { type DefaultTaskId, TASKS } from '../federation/tasks.ts';
import { createNetwork } from '../models/network.ts';
import { headOf } from '../models/parameters.ts';
import { loadBackend } from '../nn/backend.ts';
import { difference } from '../nn/testing.ts';
import { tf } from '../nn/tf.ts';
import { seededRandom } from '../random.ts';
import { type LossConfig, networkLoss } from './multi-head-loss.ts';
import { cutPatch, type Patch } from './patches.ts';
import { ballCase } from './testing-cases.ts';

const SIDE = 8;
const HEADS: readonly DefaultTaskId[] = ['calcification', 'membranous-septum'];

const patchOf = (id: string, tasks: readonly DefaultTaskId[]): Patch =>
  cutPatch(
    ballCase(id, SIDE, 6, tasks),
    tasks.map((id) => TASKS[id]),
    { side: SIDE, spacing: 6, augment: false },
    seededRandom(id),
  );

/** Loss of a batch, and its gradients by parameter. */
function lossAndGradients(
  patches: readonly Patch[],
  headWeights: 'equal' | 'classes' = 'equal',
  options: Partial<LossConfig> = {},
) {
  const network = createNetwork(
    { kind: 'unet', features: [4, 8], deepSupervision: true },
    HEADS.map((id) => TASKS[id]),
    3,
  );
  const { value, grads } = tf.variableGrads(() =>
    networkLoss(network, patches, SIDE, { foregroundWeight: 2, headWeights, ...options }),
  );
  const names = new Map([...network.variables].map(([name, variable]) => [variable.name, name]));
  const gradients = new Map(
    Object.entries(grads).flatMap(([name, grad]) =>
      grad && names.has(name) ? [[names.get(name)!, Float32Array.from(grad.dataSync())]] : [],
    ),
  );
  const loss = value.dataSync()[0]!;
  tf.dispose([value, ...Object.values(grads).filter(Boolean)]);
  network.dispose();
  return { loss, gradients };
}

const size = (values: Float32Array) => Math.max(...values.map(Math.abs));

describe('the loss of a network', () => {
  beforeAll(() => loadBackend());

  test('has no gradient in a head without a target in the batch', () => {
    const { gradients } = lossAndGradients([patchOf('a', ['calcification'])]);
    const touched = [...gradients].filter(([, values]) => size(values) > 0);
    expect(new Set(touched.map(([name]) => headOf(name)))).toEqual(new Set([undefined, 'calcification']));
  });

  test('ignores a case without a target for a head: two cases of one head each add up', () => {
    const [a, b] = [patchOf('a', ['calcification']), patchOf('b', ['membranous-septum'])];
    const [alone, other, both] = [lossAndGradients([a]), lossAndGradients([b]), lossAndGradients([a, b])];
    expect(both.loss).toBeCloseTo(alone.loss + other.loss, 5);
    for (const [name, values] of both.gradients) {
      const zero = new Float32Array(values.length);
      const [first, second] = [alone, other].map(({ gradients }) => gradients.get(name) ?? zero);
      expect(
        difference(
          values,
          first!.map((value, i) => value + second![i]!),
        ),
        name,
      ).toBeLessThan(1e-4);
    }
  });

  test('can weight every class alike: two points of the septum count twice as much as calcium', () => {
    const [a, b] = [patchOf('a', ['calcification']), patchOf('b', ['membranous-septum'])];
    const [calcium, septum] = [a, b].map((patch) => lossAndGradients([patch]).loss);
    expect(lossAndGradients([a, b], 'classes').loss).toBeCloseTo((2 / 3) * calcium! + (4 / 3) * septum!, 5);
    expect(lossAndGradients([a], 'classes').loss).toBeCloseTo(calcium!, 5);
  });

  test('can give one head weights of its own, in its hard and its soft term', () => {
    const [a, b] = [patchOf('a', ['calcification']), patchOf('b', ['membranous-septum'])];
    const distillation = { temperature: 2, weight: 0.25 };
    for (const patches of [[a, b], [a, b].map((patch) => taught(patch, 0.9, [0.2, 0.3]))]) {
      const alone = (patch: Patch, foregroundWeight: number) =>
        lossAndGradients([patch], 'equal', { foregroundWeight, distillation }).loss;
      const heads = { calcification: { foregroundWeight: 5, weight: 3 } };

      const { loss } = lossAndGradients(patches, 'classes', { foregroundWeight: 2, distillation, heads });

      expect(loss).toBeCloseTo(3 * alone(patches[0]!, 5) + (4 / 3) * alone(patches[1]!, 2), 4);
    }
  });

  test('takes what a head does not say from the stage', () => {
    const a = patchOf('a', ['calcification']);
    const weighted = (heads: LossConfig['heads']) =>
      lossAndGradients([a], 'equal', { foregroundWeight: 2, heads }).loss;
    const { loss } = lossAndGradients([a]);

    expect(weighted({ calcification: { weight: 2 } })).toBeCloseTo(2 * loss, 5);
    expect(weighted({ calcification: { foregroundWeight: 2 } })).toBeCloseTo(loss, 6);
    expect(weighted({})).toBe(loss);
  });

  test('does not depend on a case without any target', () => {
    const [a, nothing] = [patchOf('a', ['calcification']), patchOf('b', [])];
    expect(lossAndGradients([a, nothing]).loss).toBeCloseTo(lossAndGradients([a]).loss, 5);
  });
});

/** The patch with a pseudo-label whose teacher gave the probabilities `soft` per class in every voxel. */
const taught = (patch: Patch, confidence: number, soft?: readonly number[]): Patch => ({
  ...patch,
  targets: new Map(
    [...patch.targets].map(([task, target]) => {
      const maps = soft?.map((value) => new Float32Array(SIDE ** 3).fill(value));
      return [task, { ...target, teacher: { confidence, soft: maps } }];
    }),
  ),
});

describe('a pseudo-label', () => {
  beforeAll(() => loadBackend());
  const label = patchOf('a', ['calcification']);
  const distillation = { temperature: 2, weight: 0.25 };

  test('counts as a label by default', () => {
    const plain = lossAndGradients([label]);
    for (const options of [{}, { pseudoLabelWeight: 'equal' as const }]) {
      expect(lossAndGradients([taught(label, 0.3, [0.2])], 'equal', options).loss).toBe(plain.loss);
    }
    expect(lossAndGradients([taught(label, 0.3)], 'equal', { distillation }).loss).toBe(plain.loss);
  });

  test('can be weighted by the confidence of its teacher', () => {
    const [plain, unsure] = [
      lossAndGradients([label]),
      lossAndGradients([taught(label, 0.25)], 'equal', { pseudoLabelWeight: 'confidence' }),
    ];
    expect(unsure.loss).toBeCloseTo(0.25 * plain.loss, 6);
    for (const [name, values] of unsure.gradients) {
      const expected = plain.gradients.get(name)!.map((value) => 0.25 * value);
      expect(difference(values, expected), name).toBeLessThan(1e-6);
    }
  });

  test('of a teacher with confidence 0 does not count', () => {
    const sure = patchOf('b', ['membranous-septum']);
    const options = { pseudoLabelWeight: 'confidence' as const };
    const { loss, gradients } = lossAndGradients([taught(label, 0), sure], 'equal', options);
    expect(loss).toBeCloseTo(lossAndGradients([patchOf('a', []), sure]).loss, 5);
    expect([...gradients.keys()].some((name) => headOf(name) === 'calcification')).toBe(false);
  });

  test('adds T² times the cross-entropy at temperature T to the hard loss (Hinton et al.)', () => {
    const network = createNetwork({ kind: 'unet', features: [4, 8], deepSupervision: false }, [TASKS.calcification], 3);
    const [p, T, foregroundWeight] = [0.2, 2, 3];
    const patch = taught(label, 1, [p]);
    const loss = (options: Partial<LossConfig>) =>
      tf.tidy(
        () =>
          networkLoss(network, [patch], SIDE, { foregroundWeight, headWeights: 'equal', ...options }).dataSync()[0]!,
      );
    const logits = tf.tidy(() =>
      network
        .forward(tf.tensor5d(patch.image, [1, SIDE, SIDE, SIDE, 1]))
        .get('calcification')![0]!
        .dataSync(),
    );
    // Computed in float64: the teacher's probabilities at T, with every voxel weighted by its share of foreground.
    const [foreground, background] = [p ** (1 / T), (1 - p) ** (1 / T)];
    const q = foreground / (foreground + background);
    let entropy = 0;
    for (let voxel = 0; voxel < SIDE ** 3; voxel++) {
      const [zero, one] = [logits[2 * voxel]! / T, logits[2 * voxel + 1]! / T];
      const normaliser = Math.log(Math.exp(zero) + Math.exp(one));
      entropy -= ((1 - q) * (zero - normaliser) + q * (one - normaliser)) / SIDE ** 3;
    }
    const hard = loss({});
    const both = loss({ distillation: { temperature: T, weight: 0.25 } });
    expect(both).toBeCloseTo(0.75 * hard + 0.25 * T ** 2 * entropy, 4);
    expect(loss({ distillation: { temperature: T, weight: 1 } })).toBeCloseTo(T ** 2 * entropy, 4);
    network.dispose();
  });

  test('has no gradient if the network agrees with the teacher', () => {
    const network = createNetwork({ kind: 'unet', features: [4, 8], deepSupervision: false }, [TASKS.calcification], 3);
    const image = () => tf.tensor5d(label.image, [1, SIDE, SIDE, SIDE, 1]);
    const said = tf.tidy(() => tf.softmax(network.forward(image()).get('calcification')![0]!).dataSync());
    const soft = [Float32Array.from({ length: SIDE ** 3 }, (_, voxel) => said[2 * voxel + 1]!)];
    const classes = label.targets.get('calcification')!.classes;
    const patch = {
      ...label,
      targets: new Map([['calcification' as const, { classes, teacher: { confidence: 1, soft } }]]),
    };
    const config = { foregroundWeight: 1, headWeights: 'equal' as const, distillation: { temperature: 3, weight: 1 } };
    const { value, grads } = tf.variableGrads(() => networkLoss(network, [patch], SIDE, config));
    for (const grad of Object.values(grads)) expect(size(grad.dataSync() as Float32Array)).toBeLessThan(1e-5);
    tf.dispose([value, ...Object.values(grads)]);
    network.dispose();
  });
});
