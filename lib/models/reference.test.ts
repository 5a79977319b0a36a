import { expect, test } from 'vitest';
import type { ModelConfig } from '../federation/schemas.ts';
import { loadBackend } from '../nn/backend.ts';
import { availableBackends, difference, fixture, numbers, volume } from '../nn/test-numbers.ts';
import { tf } from '../nn/tf.ts';
import type { Weights } from '../weights/weights.ts';
import { parametersOf } from './initial-weights.ts';
import { createNetwork } from './network.ts';

/** Every `every`-th value of an output of PyTorch's network. */
interface Sample {
  readonly every: number;
  readonly values: readonly number[];
}

const UNET: ModelConfig = { kind: 'unet', features: [4, 6, 8], deepSupervision: true };
const SWIN: ModelConfig = {
  kind: 'swin-unetr',
  featureSize: 12,
  depths: [2, 2, 2, 2],
  heads: [3, 6, 12, 24],
  window: 7,
};

/** The weights of scripts/fixtures/nn.py. */
function referenceWeights(config: ModelConfig, task: 'calcification' | 'hinge-points'): Weights {
  return new Map(
    parametersOf(config, [task]).map(({ name, shape }) => {
      const values = numbers(name, shape);
      const fanIn = shape.slice(0, -1).reduce((product, side) => product * side, 1);
      const around = name.includes('norm') && name.endsWith('weight') ? 1 : 0;
      const data =
        shape.length === 1 ? values.map((v) => around + 0.2 * v) : values.map((v) => (v * 4) / Math.sqrt(fanIn));
      return [name, { dtype: 'F32', shape, data }];
    }),
  );
}

const sampled = ({ every }: Sample, logits: tf.Tensor) => logits.dataSync().filter((_, i) => i % every === 0);

const backends = await availableBackends();

test.each(backends)("the UNet has the logits of PyTorch's, at every scale, on the %s backend", async (backend) => {
  await loadBackend(backend);
  const network = createNetwork(UNET, ['calcification'], 0);
  network.load(referenceWeights(UNET, 'calcification'));
  tf.tidy(() => {
    const scales = network.forward(volume('image', [2, 8, 12, 8, 1])).get('calcification')!;
    const expected = fixture<readonly Sample[]>('unet');
    expect(scales.map(({ shape }) => shape)).toEqual([
      [2, 8, 12, 8, 2],
      [2, 4, 6, 4, 2],
    ]);
    scales.forEach((logits, i) => {
      expect(difference(sampled(expected[i]!, logits), expected[i]!.values)).toBeLessThan(1e-4);
    });
  });
  network.dispose();
});

// A grid of 64³ has windows that are filled up (35, 21 and 14 tokens), shifted, and smaller than asked for (4). On
// the best backend only: it takes seconds, and training.test.ts holds the backends to each other.
test("the Swin UNETR has the logits of MONAI's", async () => {
  await loadBackend(backends[0]);
  const network = createNetwork(SWIN, ['hinge-points'], 0);
  network.load(referenceWeights(SWIN, 'hinge-points'));
  tf.tidy(() => {
    const [logits] = network.forward(volume('image', [1, 64, 64, 64, 1])).get('hinge-points')!;
    const expected = fixture<Sample>('swin-unetr');
    expect(difference(sampled(expected, logits!), expected.values)).toBeLessThan(1e-4);
  });
  network.dispose();
});

test.each([12, 24, 48])("a Swin UNETR of feature size %i has MONAI's number of parameters", (featureSize) => {
  const counts = fixture<Record<string, number>>('parameter-counts');
  const parameters = parametersOf({ ...SWIN, featureSize }, ['hinge-points']);
  const total = parameters.reduce((sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1), 0);
  expect(total).toBe(counts[featureSize]);
});
