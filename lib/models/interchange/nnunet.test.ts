import { describe, expect, test } from 'vitest';
import type { UNetConfig } from '../../federation/schemas.ts';
import { TASKS, type Task } from '../../federation/tasks.ts';
import { loadBackend } from '../../nn/backend.ts';
import { availableBackends, difference, fixture, volume } from '../../nn/testing.ts';
import { tf } from '../../nn/tf.ts';
import { elementsOf } from '../../weights/weights.ts';
import { initialWeights } from '../initial-weights.ts';
import { createNetwork } from '../network.ts';
import { fromNnunet, nnunetState, toNnunet } from './nnunet.ts';
import { entryShape } from './state.ts';
import { fingerprint, foreignWeights, type Run, type Shapes, sampled } from './testing.ts';

const reference = fixture<{
  readonly state: Shapes;
  readonly aliases: Readonly<Record<string, string>>;
  readonly counts: { readonly full: number };
  readonly cases: readonly Run[];
}>('unet');

const UNET: UNetConfig = { kind: 'unet', features: [4, 6, 8, 10, 12], deepSupervision: true };
const FULL: UNetConfig = { kind: 'unet', features: [32, 64, 128, 256, 320, 320], deepSupervision: true };
const SEPTUM: readonly Task[] = [TASKS['membranous-septum']];
const TWO: readonly Task[] = [TASKS.calcification, TASKS['hinge-points']];

describe.each(await availableBackends())('on the %s backend', (backend) => {
  test.each(reference.cases)("with nnU-Net's weights, the UNet has nnU-Net's logits at every scale", async (run) => {
    await loadBackend(backend);
    const network = createNetwork(UNET, SEPTUM, 0);
    network.load(fromNnunet(foreignWeights(reference.state), UNET, SEPTUM));
    tf.tidy(() => {
      const scales = network.forward(volume('image', [run.batch, ...run.grid, 1])).get('membranous-septum')!;
      expect(scales.length).toBe(3);
      scales.forEach((logits, i) => {
        const expected = run.scales[i]!;
        expect(difference(sampled(expected, logits.dataSync()), expected.values), `scale ${i}`).toBeLessThan(2e-5);
      });
    });
    network.dispose();
  });
});

test('an export has every name of the state_dict, those of shared parameters too, so that strict=True loads', () => {
  const aliases = Object.entries(reference.aliases).map(([name, first]) => [name, reference.state[first]!]);

  const exported = toNnunet(initialWeights(UNET, SEPTUM, 1), UNET, SEPTUM);

  expect(Object.fromEntries([...exported].map(([name, { shape }]) => [name, shape]))).toEqual({
    ...reference.state,
    ...Object.fromEntries(aliases),
  });
});

test("the full UNet has nnU-Net's number of parameters", () => {
  const { entries, fillers } = nnunetState(FULL, SEPTUM);
  const total = [...entries.map(entryShape), ...fillers.map(({ shape }) => shape)];
  expect(total.reduce((sum, shape) => sum + elementsOf(shape), 0)).toBe(reference.counts.full);
});

test('an import reverses an export', () => {
  for (const config of [UNET, { ...UNET, deepSupervision: false }]) {
    const weights = initialWeights(config, TWO, 1);
    expect(fingerprint(fromNnunet(toNnunet(weights, config, TWO), config, TWO))).toEqual(fingerprint(weights));
  }
});

test('the other names of shared parameters in PyTorch are accepted, alone or in addition to the first', () => {
  const tensors = foreignWeights(reference.state);
  const others = Object.entries(reference.aliases).map(([name, first]) => [name, tensors.get(first)!] as const);
  const renamed = new Map([
    ...others,
    ...[...tensors].filter(([name]) => !Object.values(reference.aliases).includes(name)),
  ]);
  const expected = fingerprint(fromNnunet(tensors, UNET, SEPTUM));
  expect(fingerprint(fromNnunet(renamed, UNET, SEPTUM))).toEqual(expected);
  expect(fingerprint(fromNnunet(new Map([...tensors, ...others]), UNET, SEPTUM))).toEqual(expected);
});

test('without heads only the body is read', () => {
  expect(fromNnunet(foreignWeights(reference.state), UNET, []).size).toBe(initialWeights(UNET, [], 1).size);
});
