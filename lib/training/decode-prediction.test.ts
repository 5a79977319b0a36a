import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LANDMARK_RADIUS_MM, TASKS, type Task } from '../federation/tasks.ts';
import { landmarksOfClassMap } from '../imaging/landmarks.ts';
import type { ClassPlaneReader } from '../imaging/resample-classes.ts';
import type { Grid, Vec3, Volume } from '../imaging/volume.ts';
import { type ClassProbabilities, createDecoder } from './decode-prediction.ts';
import { distance } from './plausibility.ts';
import { cube, volumeOf } from './testing-cases.ts';

/** The prediction from whole volumes of probabilities, which the decoder takes plane by plane. */
function decodePrediction(task: Task, maps: ClassProbabilities, onGrid: Grid, onPlane?: ClassPlaneReader) {
  const [{ shape, affine }] = maps as unknown as [Grid];
  const decoder = createDecoder(task, { shape, affine }, false);
  const size = shape[0] * shape[1];
  for (let z = 0; z < shape[2]; z += 1) {
    const values = new Float32Array(size * maps.length);
    for (let i = 0; i < values.length; i += 1)
      values[i] = maps[i % maps.length]!.data[z * size + Math.floor(i / maps.length)]!;
    decoder.add(z, values);
  }
  return decoder.decode(onGrid, onPlane);
}

const grid = cube(20, 3);
const own = cube(60, 1);

/** Probabilities of the background and of balls of 5 mm around points; 0 everywhere for a missing point. */
function probabilities(points: readonly (Vec3 | null)[], sure = 0.8): readonly Volume<Float32Array>[] {
  const maps = points.map((point) => volumeOf(grid, (world) => (point && distance(world, point) <= 5 ? sure : 0)));
  const background = volumeOf(grid, () => 0);
  background.data.forEach((_, i) => {
    background.data[i] = 1 - maps.reduce((sum, { data }) => sum + data[i]!, 0);
  });
  return [background, ...maps];
}

describe('landmarks are decoded', () => {
  test('to their positions in mm on any grid, and as spheres on the grid of the CT', () => {
    const inside = fc.tuple(...[0, 1, 2].map(() => fc.double({ min: 8, max: 48, noNaN: true }))) as fc.Arbitrary<
      [number, number, number]
    >;
    fc.assert(
      fc.property(inside, inside, (a, b) => {
        fc.pre(distance(a, b) > 14);
        const { landmarks, classMap, confidence } = decodePrediction(
          TASKS['membranous-septum'],
          probabilities([a, b]),
          own,
        );
        expect(confidence).toBeCloseTo(0.8, 5);
        expect(classMap).toMatchObject(own);
        const drawn = landmarksOfClassMap(classMap, 2);
        [a, b].forEach((point, i) => {
          expect(distance(landmarks![i]!.position!, point)).toBeLessThan(1.5);
          expect(distance(drawn[i]!.position!, landmarks![i]!.position!)).toBeLessThan(0.5);
        });
        const voxels = classMap.data.filter((value) => value === 1).length;
        expect(voxels / ((4 / 3) * Math.PI * LANDMARK_RADIUS_MM ** 3)).toBeCloseTo(1, 0);
      }),
      { numRuns: 10 },
    );
  });

  test('as missing if no voxel has their class', () => {
    const { landmarks, classMap } = decodePrediction(
      TASKS['membranous-septum'],
      probabilities([null, [30, 30, 30]]),
      own,
    );
    expect(landmarks).toEqual([
      { label: 1, position: null },
      {
        label: 2,
        share: 1,
        certainty: 0.8,
        position: [expect.closeTo(30, 5), expect.closeTo(30, 5), expect.closeTo(30, 5)],
      },
    ]);
    expect(classMap.data.includes(1)).toBe(false);
  });

  test('with confidence 0 if nothing was found', () => {
    const { landmarks, confidence } = decodePrediction(TASKS['membranous-septum'], probabilities([null, null]), own);
    expect(confidence).toBe(0);
    expect(landmarks?.map(({ position }) => position)).toEqual([null, null]);
  });

  test('from the largest component: a stray voxel does not move a point', () => {
    const maps = probabilities([
      [30, 30, 30],
      [45, 45, 45],
    ]);
    maps[1]!.data[0] = 0.99;
    maps[0]!.data[0] = 0.01;
    const { landmarks } = decodePrediction(TASKS['membranous-septum'], maps, own);
    expect(landmarks?.[0]?.certainty).toBeCloseTo(0.8, 2);
    expect(landmarks?.[0]?.position).toEqual([expect.closeTo(30, 5), expect.closeTo(30, 5), expect.closeTo(30, 5)]);
  });
});

test('a segmentation is resampled to the grid of the CT as probabilities, with a finer border than the model', () => {
  const ball = (world: Vec3) => Math.min(1, Math.max(0, (15 - distance(world, [30, 30, 30])) / 6 + 0.5));
  const maps = [volumeOf(grid, (world) => 1 - ball(world)), volumeOf(grid, ball)];
  const { classMap, landmarks } = decodePrediction(TASKS.calcification, maps, own);
  expect(landmarks).toBeUndefined();
  expect(classMap).toMatchObject(own);
  const voxels = classMap.data.reduce((sum, value) => sum + value, 0);
  expect(Math.abs(voxels / ((4 / 3) * Math.PI * 15 ** 3) - 1)).toBeLessThan(0.06);
});

test('the classes on the grid of the CT are lent with their probabilities, plane by plane', () => {
  const maps = [volumeOf(cube(8, 3), () => 0.1), volumeOf(cube(8, 3), () => 0.9)];
  const planes: (readonly [number, number])[] = [];

  const { classMap } = decodePrediction(TASKS.calcification, maps, cube(60, 1), (z, classes, probabilities) => {
    planes.push([z, classes.length]);
    expect([...classes]).toEqual([...classMapPlane(z)]);
    expect(probabilities[0]).toBeCloseTo(classes[0] === 1 ? 0.9 : 1, 6);
  });

  function* classMapPlane(z: number) {
    for (let i = 0; i < 3600; i += 1) yield Math.max(i % 60, Math.floor(i / 60), z) <= 22 ? 1 : 0;
  }
  expect(planes).toEqual(Array.from({ length: 60 }, (_, z) => [z, 3600]));
  expect(classMap.data[0]).toBe(1);
});

test('a CT is background where the model did not see it', () => {
  const maps = [volumeOf(cube(8, 3), () => 0.1), volumeOf(cube(8, 3), () => 0.9)];
  const { classMap } = decodePrediction(TASKS.calcification, maps, cube(60, 1));
  expect(classMap.data[0]).toBe(1);
  expect(classMap.data[59 * 60 * 60]).toBe(0);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
  'a probability of %s is refused',
  (value) => {
    for (const at of [0, 1]) {
      const maps = probabilities([[30, 30, 30]]);
      maps[at]!.data[7] = value;
      expect(() => decodePrediction(TASKS.calcification, maps, own)).toThrow(
        /probabilities of calcification are not numbers/,
      );
    }
  },
);
