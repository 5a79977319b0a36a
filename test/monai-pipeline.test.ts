import { beforeAll, describe, expect, test } from 'vitest';
import type { TaskId } from '../lib/federation/tasks.ts';
import { readNifti } from '../lib/imaging/nifti-read.ts';
import { sha256Hex } from '../lib/json.ts';
import { type Files, monaiBundle } from '../lib/models/interchange/monai-bundle.ts';
import { nnunetFolder } from '../lib/models/interchange/nnunet-folder.ts';
import { ctFile, EXPORTS, SPACING, torchFile } from '../lib/models/interchange/testing-exports.ts';
import { createNetwork } from '../lib/models/network.ts';
import { loadBackend } from '../lib/nn/backend.ts';
import { slidingWindow } from '../lib/nn/sliding-window.ts';
import { difference, fixture } from '../lib/nn/testing.ts';
import { tf } from '../lib/nn/tf.ts';
import { prepareImage } from '../lib/training/cases.ts';

type Name = keyof typeof EXPORTS;
/**
 * Results of MONAI's transforms, networks and inferer, and the SHA-256 of what MONAI and nnU-Net ran without a fault, from
 * scripts/fixtures/exported.py.
 */
const reference = fixture<{
  readonly shape: readonly [number, number, number];
  readonly runs: Readonly<
    Record<
      Name,
      {
        readonly sha256: string;
        readonly logits: { readonly every: number; readonly values: number[] };
        readonly bundle: Readonly<Record<'inference' | 'metadata', string>>;
        readonly nnunet?: Readonly<Record<'plans' | 'dataset', string>>;
      }
    >
  >;
}>('exported');

beforeAll(async () => {
  await loadBackend();
});

/** Logits of all heads, [z, y, x, c], as `predict` computes probabilities. */
function predicted({ model, tasks, patch, intensity, weights }: (typeof EXPORTS)[Name]): Float32Array {
  const image = prepareImage(readNifti(ctFile()), { spacing: SPACING, heartCrop: null, intensity });
  expect(image.shape).toEqual(reference.shape);
  const [nx, ny, nz] = image.shape;
  const ids: readonly TaskId[] = tasks.map(({ id }) => id);
  const network = createNetwork(model, tasks, 0);
  network.load(weights);
  const joined: number[] = [];
  const all = (window: tf.Tensor5D) => {
    const logits = network.forward(window);
    return new Map([
      [
        'all',
        tf.concat(
          ids.map((id) => logits.get(id)![0]!),
          4,
        ),
      ],
    ]);
  };
  const options = { patch: [patch, patch, patch] as const, fill: image.outside };
  for (const { heads } of slidingWindow(all, { data: image.data, shape: [nz, ny, nx] }, options)) {
    for (const value of heads.get('all') ?? []) joined.push(value);
  }
  network.dispose();
  return Float32Array.from(joined);
}

describe.each(Object.keys(EXPORTS) as Name[])('the %s that MONAI ran', (name) => {
  const { sha256, logits, bundle, nnunet } = reference.runs[name];

  test('is what is exported', () => {
    expect(sha256Hex(torchFile(EXPORTS[name]))).toBe(sha256);
  });

  test('and its bundle and folder are those that were run', () => {
    const digest = (files: Files, path: string) => sha256Hex(files.get(path)!);
    const made = monaiBundle(EXPORTS[name]);
    expect({
      inference: digest(made, 'configs/inference.json'),
      metadata: digest(made, 'configs/metadata.json'),
    }).toEqual(bundle);
    if (!nnunet) return;
    const folder = nnunetFolder(EXPORTS[name]);
    expect({ plans: digest(folder, 'plans.json'), dataset: digest(folder, 'dataset.json') }).toEqual(nnunet);
  });

  test('had the logits of fedcardio, on a CT whose axes are stored in another order', () => {
    const own = predicted(EXPORTS[name]).filter((_, i) => i % logits.every === 0);

    expect(difference(own, logits.values)).toBeLessThan(1e-4);
  });
});
