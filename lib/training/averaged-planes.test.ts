import { beforeAll, describe, expect, test } from 'vitest';
import { TASKS } from '../federation/tasks.ts';
import { isotropicGrid } from '../imaging/resample.ts';
import type { Grid, Vec3 } from '../imaging/volume.ts';
import type { Network } from '../models/network.ts';
import { loadBackend } from '../nn/backend.ts';
import { windowCount } from '../nn/sliding-window.ts';
import { tf } from '../nn/tf.ts';
import { finestOf, type Member } from './averaged-planes.ts';
import type { ClassProbabilities } from './decode-prediction.ts';
import { predictTogether } from './infer.ts';
import { cube, volumeOf } from './testing-cases.ts';

beforeAll(async () => {
  await loadBackend();
});

const CALCIUM = TASKS.calcification;
const SEPTUM = TASKS['membranous-septum'];

/** A network whose logits of every class follow from each voxel alone. */
const voxelwise = (task: string, logitsOf: readonly ((x: tf.Tensor) => tf.Tensor)[]): Network =>
  ({
    forward: (x: tf.Tensor5D) =>
      new Map([
        [
          task,
          [
            tf.concat(
              logitsOf.map((of) => of(x)),
              4,
            ),
          ],
        ],
      ]),
  }) as Partial<Network> as Network;

/** A network for which brightness makes calcium: softmax([0, gain · x]). */
const bright = (gain: number): Network => voxelwise(CALCIUM.id, [(x) => tf.mul(x, 0), (x) => tf.mul(x, gain)]);
const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** A smooth image, the same at every spacing. */
const at = ([x, y, z]: Vec3): number => Math.sin(x / 11) + Math.cos(y / 13) + Math.sin(z / 17);
const own = cube(24, 2);
const memberOn = (grid: Grid, network: Network, patch: number): Member => ({
  network,
  patch,
  image: volumeOf(grid, at),
});

async function probabilitiesOf(members: readonly Member[], overlap?: number): Promise<ClassProbabilities> {
  let found: ClassProbabilities | undefined;
  await predictTogether(members, own, [CALCIUM], {
    overlap,
    onProbabilities: (_, probabilities) => {
      found = probabilities;
    },
  });
  return found!;
}

/** The largest difference of two probabilities of calcium. */
const difference = (a: ClassProbabilities, b: ClassProbabilities): number =>
  Math.max(...a[1]!.data.map((value, i) => Math.abs(value - b[1]!.data[i]!)));

describe('an ensemble', () => {
  const fine = isotropicGrid(own, 2);

  test('of one network predicts what the network does', async () => {
    const member = memberOn(fine, bright(2), 10);

    const { data } = (await probabilitiesOf([member]))[1]!;

    expect(data.every((value, i) => Math.abs(value - sigmoid(2 * member.image.data[i]!)) < 1e-6)).toBe(true);
  });

  test('has the mean of the probabilities of networks with windows of different sizes', async () => {
    const members = [memberOn(fine, bright(2), 10), memberOn(fine, bright(-1), 16), memberOn(fine, bright(0.3), 7)];

    const alone: ClassProbabilities[] = [];
    for (const member of members) alone.push(await probabilitiesOf([member]));
    const together = await probabilitiesOf(members);

    for (const [label, { data }] of together.entries()) {
      const means = data.map((_, i) => alone.reduce((sum, one) => sum + one[label]!.data[i]!, 0) / 3);
      expect(Math.max(...data.map((value, i) => Math.abs(value - means[i]!)))).toBeLessThan(1e-6);
    }
  });

  test.each([
    ['first', 0],
    ['last', 1],
  ])('is averaged on the finest grid, named %s, and in any order', async (_, place) => {
    const coarse = memberOn(isotropicGrid(own, 4), bright(1), 8);
    const finest = memberOn(fine, bright(2), 12);
    const members = place === 0 ? [finest, coarse] : [coarse, finest];

    const found = (await probabilitiesOf(members))[1]!;

    expect(found).toMatchObject({ shape: fine.shape, affine: fine.affine });
    const errors = found.data.map((value, i) => {
      const x = finest.image.data[i]!;
      return Math.abs(value - (sigmoid(2 * x) + sigmoid(x)) / 2);
    });
    // Interpolation between voxels of 4 mm; at the border their value is continued.
    expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThan(0.005);
    expect(difference(await probabilitiesOf([...members].reverse()), await probabilitiesOf(members))).toBeLessThan(
      1e-6,
    );
  });

  test('keeps what any network saw; one that was shown less votes for background there', async () => {
    const seesLittle = memberOn({ ...cube(12, 2), shape: [12, 24, 24] }, bright(100), 12);
    const seesAll = memberOn(fine, bright(100), 12);

    const found = (await probabilitiesOf([seesLittle, seesAll]))[1]!;

    expect(finestOf([seesLittle, seesAll])).toBe(seesAll.image);
    const [nx] = found.shape;
    const expected = seesAll.image.data.map((x, i) => sigmoid(100 * x) * (i % nx < 12 ? 1 : 0.5));
    const inside = found.data.map((value, i) => (i % nx === 12 ? 0 : Math.abs(value - expected[i]!)));
    expect(Math.max(...inside)).toBeLessThan(1e-5);
  });

  test('tells the windows of all networks together, and leaks no tensor', async () => {
    const members = [memberOn(fine, bright(1), 10), memberOn(isotropicGrid(own, 4), bright(1), 8)];
    const told: string[] = [];
    const before = tf.memory().numTensors;

    await predictTogether(members, own, [CALCIUM], { onWindow: (done, total) => told.push(`${done}/${total}`) });

    const total = windowCount([24, 24, 24], [10, 10, 10]) + windowCount([12, 12, 12], [8, 8, 8]);
    expect(told).toEqual(Array.from({ length: total }, (_, i) => `${i + 1}/${total}`));
    expect(tf.memory().numTensors).toBe(before);
  });

  test('decodes landmarks from the mean: a point that one network is sure of is found', async () => {
    // The first voxel class along x is sure; the other network leans to background everywhere.
    const point = (x: tf.Tensor, low: number, high: number) =>
      tf.sub(tf.mul(tf.logicalAnd(tf.greater(x, low), tf.less(x, high)).toFloat(), 20), 10);
    const sure = voxelwise(SEPTUM.id, [(x) => tf.mul(x, 0), (x) => point(x, 5, 9), (x) => point(x, 30, 34)]);
    const unsure = voxelwise(SEPTUM.id, [
      (x) => tf.mul(x, 0),
      (x) => tf.fill(x.shape, -0.2),
      (x) => tf.fill(x.shape, -0.2),
    ]);
    const image = volumeOf(fine, ([x]) => x);
    const members = [sure, unsure].map((network) => ({ network, patch: 12, image }));

    const [together, alone] = [members, members.slice(1)].map((some) => predictTogether(some, own, [SEPTUM]));

    const positions = (await together)?.get(SEPTUM.id)?.landmarks?.map(({ position }) => position?.[0]);
    expect(positions).toEqual([expect.closeTo(7, 0), expect.closeTo(32, 0)]);
    expect((await alone)?.get(SEPTUM.id)?.landmarks?.map(({ position }) => position)).toEqual([null, null]);
  });
});

describe('the overlap of windows', () => {
  test.each([0, 0.25, 0.75, 0.9])('is that which is asked for: %d', async (overlap) => {
    const member = memberOn(isotropicGrid(own, 2), bright(1), 10);
    let windows = 0;

    await predictTogether([member], own, [CALCIUM], {
      overlap,
      onWindow: (_, total) => {
        windows = total;
      },
    });

    expect(windows).toBe(windowCount([24, 24, 24], [10, 10, 10], overlap));
    expect(difference(await probabilitiesOf([member], overlap), await probabilitiesOf([member]))).toBeLessThan(1e-5);
  });
});
