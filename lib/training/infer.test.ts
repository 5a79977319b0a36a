import { beforeAll, describe, expect, test } from 'vitest';
import { TASKS } from '../federation/tasks.ts';
import type { Vec3 } from '../imaging/volume.ts';
import { createNetwork, type Network } from '../models/network.ts';
import { loadBackend } from '../nn/backend.ts';
import { tf } from '../nn/tf.ts';
import { predictTasks } from './infer.ts';
import { cube, STANDARDISED_AIR, volumeOf } from './testing-cases.ts';

const PATCH = 8;

/** Replaces a network that has learnt its task: bright voxels are calcium. */
function brightness(seen: number[][]): Network {
  return {
    forward: (x: tf.Tensor5D) => {
      seen.push([...x.shape]);
      const logit = tf.mul(x, 20) as tf.Tensor5D;
      return new Map([['calcification', [tf.concat([tf.neg(logit), logit], 4)]]]);
    },
  } as Partial<Network> as Network;
}

/** A bright ball. */
const ballAt =
  (centre: Vec3, radius: number) =>
  ([x, y, z]: Vec3) =>
    Math.hypot(x - centre[0], y - centre[1], z - centre[2]) <= radius ? 1 : STANDARDISED_AIR;

describe('a network finds', () => {
  beforeAll(() => loadBackend());

  test.each<[string, Vec3, Vec3, number]>([
    ['larger than its window and not a multiple of it', [23, 27, 19], [32, 41, 27], 13],
    ['smaller than its window along two axes', [24, 7, 6], [49, 8, 9], 6],
    ['smaller than its window', [5, 6, 7], [5, 9, 11], 5],
  ])('a structure at its position in a CT that is %s', async (_what, shape, centre, radius) => {
    const bright = ballAt(centre, radius);
    const { affine } = cube(1, 3);
    const image = volumeOf({ shape, affine }, bright);
    const own = {
      shape: shape.map((side) => side * 2) as unknown as Vec3,
      affine: cube(1, 1.5, [-0.75, -0.75, -0.75]).affine,
    };
    const seen: number[][] = [];
    const before = tf.memory().numTensors;

    const found = (await predictTasks(brightness(seen), image, own, PATCH, [TASKS.calcification])).get(
      'calcification',
    )!;

    expect(tf.memory().numTensors).toBe(before);
    expect(new Set(seen.map((sides) => sides.join()))).toEqual(new Set(['1,8,8,8,1']));
    expect(found.classMap).toMatchObject(own);
    const truth = volumeOf(own, (world) => (bright(world) > 0 ? 1 : 0)).data;
    const wrong = truth.filter((value, i) => value !== found.classMap.data[i]).length;
    // Only voxels at the ball's surface may differ, where a voxel of the model's grid is cut.
    expect(wrong).toBeLessThanOrEqual(0.35 * truth.reduce((sum, value) => sum + value, 0));
    expect(found.classMap.data.includes(1)).toBe(true);
    expect(truth.includes(1)).toBe(true);
  });

  test('something or nothing with random weights, on the grid of the CT, without leaking tensors', async () => {
    const config = { kind: 'swin-unetr', featureSize: 4, depths: [2], heads: [2], window: 4 } as const;
    const network = createNetwork(
      { ...config, depths: [2], heads: [2] },
      [TASKS['hinge-points'], TASKS.calcification],
      1,
    );
    const image = volumeOf({ shape: [11, 9, 6], affine: cube(1, 3).affine }, ballAt([15, 12, 9], 6));
    const own = cube(17, 1.7);
    const before = tf.memory().numTensors;
    const found = await predictTasks(network, image, own, PATCH, [TASKS['hinge-points'], TASKS.calcification]);
    const again = await predictTasks(network, image, own, PATCH, [TASKS.calcification]);
    // The network keeps the index tables of its attention windows until it is disposed.
    const gained = tf.memory().numTensors - before;
    await predictTasks(network, image, own, PATCH, [TASKS.calcification]);
    expect(tf.memory().numTensors - before).toBe(gained);
    network.dispose();
    expect([...found.keys()]).toEqual(['hinge-points', 'calcification']);
    expect(found.get('hinge-points')?.landmarks).toHaveLength(5);
    for (const { classMap } of found.values()) expect(classMap).toMatchObject(own);
    expect(again.get('calcification')?.classMap.data).toEqual(found.get('calcification')?.classMap.data);
  });
});
