import { beforeAll, describe, expect, test } from 'vitest';
import type { TaskId } from '../federation/tasks.ts';
import { createNetwork, parameterGroup } from '../models/network.ts';
import { loadBackend } from '../nn/backend.ts';
import { difference } from '../nn/test-numbers.ts';
import { tf } from '../nn/tf.ts';
import { seededRandom } from '../random.ts';
import { networkLoss } from './loss.ts';
import { cutPatch, type Patch } from './patches.ts';
import { ballCase } from './toy-cases.ts';

const SIDE = 8;
const HEADS: readonly TaskId[] = ['calcification', 'membranous-septum'];

const patchOf = (id: string, tasks: readonly TaskId[]): Patch =>
  cutPatch(ballCase(id, SIDE, 6, tasks), tasks, { side: SIDE, spacing: 6, augment: false }, seededRandom(id));

/** Loss of a batch and its gradient by every parameter that has one. */
function lossAndGradients(patches: readonly Patch[], headWeights: 'equal' | 'classes' = 'equal') {
  const network = createNetwork({ kind: 'unet', features: [4, 8], deepSupervision: true }, HEADS, 3);
  const { value, grads } = tf.variableGrads(() =>
    networkLoss(network, patches, SIDE, { foregroundWeight: 2, headWeights }),
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

  test('has no gradient in a head that the batch has no target for', () => {
    const { gradients } = lossAndGradients([patchOf('a', ['calcification'])]);
    const touched = [...gradients].filter(([, values]) => size(values) > 0);
    expect(new Set(touched.map(([name]) => parameterGroup(name)))).toEqual(new Set(['body', 'calcification']));
  });

  test('takes nothing from a case without a target for a head: two cases of one head each add up', () => {
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

  test('can let every class count alike: two points of the septum twice as much as calcium', () => {
    const [a, b] = [patchOf('a', ['calcification']), patchOf('b', ['membranous-septum'])];
    const [calcium, septum] = [a, b].map((patch) => lossAndGradients([patch]).loss);
    expect(lossAndGradients([a, b], 'classes').loss).toBeCloseTo((2 / 3) * calcium! + (4 / 3) * septum!, 5);
    expect(lossAndGradients([a], 'classes').loss).toBeCloseTo(calcium!, 5);
  });

  test('is the same with and without a case that has no target at all', () => {
    const [a, nothing] = [patchOf('a', ['calcification']), patchOf('b', [])];
    expect(lossAndGradients([a, nothing]).loss).toBeCloseTo(lossAndGradients([a]).loss, 5);
  });
});
