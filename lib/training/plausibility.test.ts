import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TASKS, type Task } from '../federation/tasks.ts';
import { IDENTITY } from '../imaging/affine.ts';
import type { Landmark, Vec3 } from '../imaging/volume.ts';
import { generatePhantom } from '../phantom/phantom.ts';
import { scannerOf } from '../phantom/scanner.ts';
import { distance, doubtsOf, pseudoLabelChecks } from './plausibility.ts';

const filter = { minConfidence: 0.5, plausibility: true };
const landmarks = (points: readonly (Vec3 | null)[]): readonly Landmark[] =>
  points.map((position, index) => ({ label: index + 1, position }));
const failures = (...input: Parameters<typeof pseudoLabelChecks>) =>
  pseudoLabelChecks(...input).filter(({ passed }) => !passed);

/** A realistic anatomy: hinge points on a circle of 12 mm, ostia one coronary height above. */
const HINGES: readonly Vec3[] = [
  [12, 0, 0],
  [-6, 10.4, 0],
  [-6, -10.4, 0],
  [13, 0, 12],
  [-7, 11, 12],
];

describe('a pseudo-label', () => {
  test('with enough confidence and plausible points passes every check', () => {
    expect(failures(TASKS['hinge-points'], { confidence: 0.5, landmarks: landmarks(HINGES) }, filter)).toEqual([]);
  });

  test('of every phantom patient passes', () => {
    const scanner = { ...scannerOf(0, 1), pixelMm: 12, sliceMm: 12 };
    for (let seed = 0; seed < 40; seed++) {
      const { points } = generatePhantom({ seed, scanner, fieldOfViewMm: 24 });
      for (const task of ['hinge-points', 'membranous-septum'] as const) {
        const found = { confidence: 1, landmarks: landmarks(points[task]) };
        expect(failures(TASKS[task], found, filter), `patient ${seed}, ${task}`).toEqual([]);
      }
    }
  });

  test('with too little confidence is refused, with and without points', () => {
    for (const found of [{ confidence: 0.49 }, { confidence: 0.49, landmarks: landmarks(HINGES) }]) {
      expect(failures(TASKS['hinge-points'], found, filter)).toEqual([
        { name: 'confidence', passed: false, detail: '0.49 of at least 0.5' },
      ]);
    }
  });

  test('with missing points names them', () => {
    const found = { confidence: 0.9, landmarks: landmarks([null, ...HINGES.slice(1, 4), null]) };
    expect(failures(TASKS['hinge-points'], found, filter)).toEqual([
      { name: 'all-found', passed: false, detail: 'missing: hinge-right, ostium-left' },
    ]);
  });

  test('with any point in another structure is refused, with the failed distances', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4 }), fc.double({ min: 60, max: 500, noNaN: true }), (index, far) => {
        const moved = HINGES.map((point, i): Vec3 => (i === index ? [point[0], point[1], point[2] + far] : point));
        const failed = failures(TASKS['hinge-points'], { confidence: 1, landmarks: landmarks(moved) }, filter);
        expect(failed.length).toBeGreaterThan(0);
        for (const { name, detail } of failed) {
          expect(name).toMatch(/^distance \S+ to \S+$/);
          expect(detail).toMatch(/ mm of \d+ to \d+$/);
        }
      }),
    );
  });

  test('whose points coincide is refused', () => {
    const found = {
      confidence: 1,
      landmarks: landmarks([
        [0, 0, 0],
        [0.5, 0, 0],
      ]),
    };
    expect(failures(TASKS['membranous-septum'], found, filter)).toHaveLength(1);
  });

  test('is checked for confidence alone if plausibility is off', () => {
    const found = { confidence: 1, landmarks: landmarks([null, null]) };
    expect(pseudoLabelChecks(TASKS['membranous-septum'], found, { ...filter, plausibility: false })).toEqual([
      { name: 'confidence', passed: true, detail: '1.00 of at least 0.5' },
    ]);
  });
});

describe('without a minimum of its own', () => {
  const landmarksOf = ({ kind, classes }: Task) =>
    kind === 'landmarks' ? { landmarks: landmarks(classes.map(() => null)) } : {};

  test.each(Object.values(TASKS).map((task) => [task.id, task] as const))(
    '%s is refused at the confidence that a mask by chance has, and halfway to certainty',
    (_, task) => {
      const chance = 1 / (task.classes.length + 1);
      const isRefused = (confidence: number) =>
        failures(task, { confidence, ...landmarksOf(task) }, { plausibility: true }).some(
          ({ name }) => name === 'confidence',
        );

      expect(isRefused(chance + 0.01)).toBe(true);
      expect(isRefused((1 + chance) / 2 - 0.01)).toBe(true);
      expect(isRefused((1 + chance) / 2)).toBe(false);
    },
  );

  test('calcium needs 0.75: with two classes every voxel of a mask has more than 0.5', () => {
    expect(failures(TASKS.calcification, { confidence: 0.51 }, { plausibility: true })).toEqual([
      { name: 'confidence', passed: false, detail: '0.51 of at least 0.75' },
    ]);
    expect(failures(TASKS.calcification, { confidence: 0.51 }, filter)).toEqual([]);
  });
});

test('a point from one of several components is refused, and doubted', () => {
  const found = (...shares: readonly (number | undefined)[]) => ({
    confidence: 1,
    landmarks: landmarks(HINGES).map((point, i) => ({
      ...point,
      ...(shares[i] !== undefined && { share: shares[i] }),
    })),
  });
  const detail = '0.62 of its voxels, expected at least 0.8';

  expect(failures(TASKS['hinge-points'], found(1, 0.8, 0.9, 1, 1), filter)).toEqual([]);
  expect(failures(TASKS['hinge-points'], found(1, 0.8, 0.9, 1, 0.62), filter)).toEqual([
    { name: 'largest component of ostium-left', passed: false, detail },
  ]);
  expect(failures(TASKS['hinge-points'], found(0.62), { ...filter, plausibility: false })).toEqual([]);
  expect(doubtsOf(TASKS['hinge-points'], found(0.62))).toEqual([`largest component of hinge-right: ${detail}`]);
});

test('a volume of calcium that no valve holds is refused, and doubted', () => {
  const found = (voxels: number) => ({
    confidence: 0.9,
    classMap: {
      shape: [20, 20, 20] as Vec3,
      // 5 mm³ a voxel.
      affine: [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 5, 0],
        [0, 0, 0, 1],
      ] as const,
      data: Uint8Array.from({ length: 8000 }, (_, i) => (i < voxels ? 1 : 0)),
    },
  });

  expect(failures(TASKS.calcification, found(2000), filter)).toEqual([]);
  expect(failures(TASKS.calcification, found(6800), filter)).toEqual([
    { name: 'volume of calcium', passed: false, detail: '34000.0 mm³ of 0 to 10000' },
  ]);
  expect(doubtsOf(TASKS.calcification, found(6800))).toEqual(['volume of calcium: 34000.0 mm³ of 0 to 10000']);
  expect(failures(TASKS.calcification, found(6800), { ...filter, plausibility: false })).toEqual([]);
  expect(failures(TASKS['coronary-arteries'], found(6800), filter)).toEqual([]);
});

test('the volume of a segmentation is that of all its classes', () => {
  const heart: Task = {
    id: 'heart',
    kind: 'segmentation',
    title: 'Heart',
    classes: ['root', 'ventricle'],
    plausibleVolumeMm3: [10, 20],
  };
  const found = (data: readonly number[]) => ({
    confidence: 1,
    classMap: { shape: [data.length, 1, 1] as Vec3, affine: IDENTITY, data: Uint8Array.from(data) },
  });

  expect(failures(heart, found([...Array(6).fill(1), ...Array(6).fill(2)]), filter)).toEqual([]);
  expect(failures(heart, found(Array(6).fill(2)), filter)).toEqual([
    { name: 'volume of root and ventricle', passed: false, detail: '6.0 mm³ of 10 to 20' },
  ]);
});

test('a distance is Euclidean, in mm', () => {
  expect(distance([1, 2, 3], [4, 6, 15])).toBe(13);
});

test('a prediction is doubted for its distances and its confidence, not for what it lacks', () => {
  const far = HINGES.map((point, i): Vec3 => (i === 0 ? [62, 0, 0] : point));
  expect(doubtsOf(TASKS['hinge-points'], { confidence: 1, landmarks: landmarks(HINGES) })).toEqual([]);
  expect(doubtsOf(TASKS['hinge-points'], { confidence: 1, landmarks: landmarks([null, ...HINGES.slice(1)]) })).toEqual(
    [],
  );
  expect(doubtsOf(TASKS['hinge-points'], { confidence: 1, landmarks: landmarks(far) })).toContainEqual(
    expect.stringMatching(/^distance hinge-right to \S+: \d+\.\d mm of \d+ to \d+$/),
  );
  expect(doubtsOf(TASKS.calcification, { confidence: 0.3 })).toEqual(['confidence: 0.30 of at least 0.75']);
  expect(doubtsOf(TASKS['hinge-points'], { confidence: 0.3 })).toEqual(['confidence: 0.30 of at least 0.583']);
  expect(doubtsOf(TASKS.calcification, { confidence: 0 })).toEqual([]);
});
