import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_TASKS, LANDMARK_RADIUS_MM, TASKS, type Task, taskOf } from '../federation/tasks.ts';
import type { Vec3 } from '../imaging/volume.ts';
import { seededRandom } from '../random.ts';
import { inMemory, type PreparedCase, type Target } from './cases.ts';
import { cutPatch, type Patch, type PatchOptions } from './patches.ts';
import { ballCase, cube, STANDARDISED_AIR, volumeOf } from './testing-cases.ts';

const TASK = 'hinge-points';
const SIDE = 32;
const fine: PatchOptions = { side: SIDE, spacing: 1, augment: true };

/** Around the centre of a large volume: one point, then one to its left, front and top. */
const POINTS: readonly Vec3[] = [
  [40, 40, 40],
  [31, 40, 40],
  [40, 49, 40],
  [40, 40, 49],
];

/** A CT whose brightness is `f` of the world position, with points as its only target. */
function caseOf(points: readonly Vec3[], f: (world: Vec3) => number = () => STANDARDISED_AIR): PreparedCase {
  const landmarks = points.map((position, index) => ({ label: index + 1, position }));
  return {
    id: 'p1',
    image: volumeOf(cube(81, 1), f),
    targets: new Map([[TASK, { kind: 'points', points: landmarks }]]),
  };
}

// Smaller seeds are not simpler cases, so fast-check must not shrink them.
const seeds = fc.noShrink(fc.integer({ min: 0, max: 1e6 }));
const cut = (from: PreparedCase, seed: number, options = fine): Patch =>
  cutPatch(from, [TASKS[TASK]], options, seededRandom('patch', seed));

/** Number, centroid and 3×3 covariance of the voxels, weighted, in voxels of the patch. */
function moments(weightOf: (index: number) => number, side = SIDE) {
  let n = 0;
  const sum = [0, 0, 0];
  const squares = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  let border = false;
  for (let i = 0; i < side ** 3; i++) {
    const weight = weightOf(i);
    if (weight === 0) continue;
    const p = [i % side, Math.floor(i / side) % side, Math.floor(i / side ** 2)];
    border ||= p.some((value) => value === 0 || value === side - 1);
    n += weight;
    for (let a = 0; a < 3; a++) {
      sum[a]! += weight * p[a]!;
      for (let b = 0; b < 3; b++) squares[3 * a + b]! += weight * p[a]! * p[b]!;
    }
  }
  const centroid = sum.map((value) => value / n) as unknown as Vec3;
  const covariance = squares.map((value, i) => value / n - centroid[Math.floor(i / 3)]! * centroid[i % 3]!);
  return { n, centroid, covariance, border };
}

const momentsOfClass = (patch: Patch, label: number) => {
  const target = patch.targets.get(TASK)!.classes;
  return moments((i) => (target[i] === label ? 1 : 0));
};

describe('a patch of a segmentation with several classes', () => {
  const HEART: Task = { id: 'heart', kind: 'segmentation', title: 'Heart', classes: ['root', 'ventricle'] };
  /** A root of 1 ml far from a ventricle of 60 ml. */
  const classAt = ([x, y, z]: Vec3) => {
    if (Math.hypot(x - 18, y - 40, z - 40) < 6) return 1;
    return Math.hypot(x - 58, y - 40, z - 40) < 24 ? 2 : 0;
  };
  const image = volumeOf(cube(81, 1), () => STANDARDISED_AIR);
  const mask = { ...image, data: Uint8Array.from(volumeOf(cube(81, 1), classAt).data) };
  const heart: PreparedCase = { id: 'p1', image, targets: new Map([['heart', { kind: 'mask', mask }]]) };
  const options = { side: 16, spacing: 1, augment: false };
  const cuts = Array.from(
    { length: 60 },
    (_, seed) => cutPatch(heart, [HEART], options, seededRandom('heart', seed)).targets.get('heart')!.classes,
  );

  test('has the class of every voxel', () => {
    expect(new Set(cuts.flatMap((classes) => [...classes]))).toEqual(new Set([0, 1, 2]));
    const both = volumeOf(cube(81, 1), ([x]) => (x < 40 ? 1 : 2));
    const halves: Target = { kind: 'mask', mask: { ...both, data: Uint8Array.from(both.data) } };
    const from = { ...heart, targets: new Map([['heart', halves]]) };
    const whole = cutPatch(from, [HEART], { side: 80, spacing: 1, augment: false }, seededRandom(1));
    const row = [...whole.targets.get('heart')!.classes.subarray(0, 80)];
    expect(row).toEqual([...row].sort());
    expect(new Set(row)).toEqual(new Set([1, 2]));
  });

  test('is aimed at each class alike, however large it is', () => {
    const withRoot = cuts.filter((classes) => classes.includes(1)).length;

    // A third of 60 is expected; a sixtieth of the foreground is root.
    expect(withRoot).toBeGreaterThan(10);
    expect(withRoot).toBeLessThan(30);
  });

  test('is aimed at the other class if a case has only one', () => {
    const only = { ...mask, data: mask.data.map((value) => (value === 2 ? 2 : 0)) };
    const from: PreparedCase = { ...heart, targets: new Map([['heart', { kind: 'mask', mask: only }]]) };
    const aimed = Array.from({ length: 30 }, (_, seed) =>
      cutPatch(from, [HEART], options, seededRandom('one', seed)).targets.get('heart')!.classes.includes(2),
    );

    expect(aimed.filter(Boolean).length).toBeGreaterThan(18);
  });
});

describe('a training patch', () => {
  const onePoint = caseOf(POINTS.slice(0, 1));
  const fourPoints = caseOf(POINTS);
  const blob = caseOf(
    POINTS.slice(0, 1),
    ([x, y, z]) => 3 * Math.exp(-((x - 40) ** 2 + (y - 40) ** 2 + (z - 40) ** 2) / 18),
  );

  test('depends on its seed only', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(cut(blob, seed)).toEqual(cut(blob, seed));
      }),
      { numRuns: 5 },
    );
    expect(cut(blob, 1).image).not.toEqual(cut(blob, 2).image);
  });

  test('has a class in every voxel for each task that the case has a target for', () => {
    fc.assert(
      fc.property(seeds, fc.boolean(), (seed, augment) => {
        const tasks = ['calcification', 'membranous-septum', TASK] as const;
        const from = ballCase('p1', 20, 3, ['calcification', 'membranous-septum']);
        const options = { side: 16, spacing: 3, augment };
        const { image, targets } = cutPatch(
          from,
          tasks.map((id) => TASKS[id]),
          options,
          seededRandom(seed),
        );
        expect(image).toHaveLength(16 ** 3);
        expect([...targets.keys()]).toEqual(['calcification', 'membranous-septum']);
        for (const [task, { classes: target }] of targets) {
          expect(target).toHaveLength(16 ** 3);
          expect(Math.max(...target)).toBeLessThanOrEqual(taskOf(DEFAULT_TASKS, task).classes.length);
        }
      }),
      { numRuns: 15 },
    );
  });

  test('keeps spheres round, with the radius of its scale', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { n, covariance, border } = momentsOfClass(cut(onePoint, seed), 1);
        fc.pre(n > 0 && !border);
        // A ball of radius r has variance r²/5 along every axis and no covariance. Its volume gives r.
        const radius = Math.cbrt((3 * n) / (4 * Math.PI));
        expect(radius).toBeGreaterThan((LANDMARK_RADIUS_MM / 1.1) * 0.95);
        expect(radius).toBeLessThan((LANDMARK_RADIUS_MM / 0.9) * 1.05);
        covariance.forEach((value, i) => {
          const expected = i % 4 === 0 ? radius ** 2 / 5 : 0;
          expect(Math.abs(value - expected)).toBeLessThan(0.08 * radius ** 2);
        });
      }),
      { numRuns: 25 },
    );
  });

  test('is never mirrored: points keep their order along every axis', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const patch = cut(fourPoints, seed);
        const [middle, left, front, top] = [1, 2, 3, 4].map((label) => momentsOfClass(patch, label)) as [
          ReturnType<typeof moments>,
          ReturnType<typeof moments>,
          ReturnType<typeof moments>,
          ReturnType<typeof moments>,
        ];
        fc.pre([middle, left, front, top].every(({ n, border }) => n > 0 && !border));
        expect(left.centroid[0]).toBeLessThan(middle.centroid[0] - 4);
        expect(front.centroid[1]).toBeGreaterThan(middle.centroid[1] + 4);
        expect(top.centroid[2]).toBeGreaterThan(middle.centroid[2] + 4);
      }),
      { numRuns: 20 },
    );
  });

  test('rotates and scales image and target together', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const patch = cut(blob, seed);
        const target = momentsOfClass(patch, 1);
        fc.pre(target.n > 0 && !target.border);
        const brightest = Math.max(...patch.image);
        const floor = brightest - 0.75;
        const shown = moments((i) => Math.max(0, patch.image[i]! - floor));
        fc.pre(!shown.border);
        shown.centroid.forEach((value, axis) => {
          expect(Math.abs(value - target.centroid[axis]!)).toBeLessThan(0.6);
        });
      }),
      { numRuns: 20 },
    );
  });

  test('is aimed at a labelled voxel most of the time', () => {
    const from = caseOf([[12, 70, 20]]);
    const hits = Array.from({ length: 60 }, (_, seed) => cut(from, seed, { ...fine, side: 16 })).filter((patch) =>
      patch.targets.get(TASK)!.classes.includes(1),
    );
    expect(hits.length).toBeGreaterThan(30);
    expect(hits.length).toBeLessThan(60);
  });

  test('without augmentation is an exact part of the volume', () => {
    const from = caseOf(POINTS, ([x, y, z]) => x + 100 * y + 10_000 * z);
    const whole = cutPatch(from, [TASKS[TASK]], { side: 81, spacing: 1, augment: false }, seededRandom(1));
    expect(whole.image).toEqual(from.image.data);
  });

  test('is air outside the volume', () => {
    const small: PreparedCase = { ...fourPoints, image: volumeOf(cube(9, 1, [36, 36, 36]), () => 3) };
    const { image } = cut(small, 1, { side: 15, spacing: 1, augment: false });
    expect(image.filter((value) => value === 3)).toHaveLength(9 ** 3);
    expect(image.filter((value) => Math.abs(value - STANDARDISED_AIR) < 1e-6)).toHaveLength(15 ** 3 - 9 ** 3);
  });

  test('varies brightness and noise only within bounds', () => {
    const looks = Array.from({ length: 80 }, (_, seed) => {
      const { image } = cut(onePoint, seed, { side: 12, spacing: 1, augment: true });
      const mean = image.reduce((sum, value) => sum + value, 0) / image.length;
      const variance = image.reduce((sum, value) => sum + (value - mean) ** 2, 0) / image.length;
      return { shift: mean - STANDARDISED_AIR, noise: Math.sqrt(variance) };
    });
    const most = 0.15 * Math.abs(STANDARDISED_AIR) + 0.15;
    for (const { shift, noise } of looks) {
      expect(Math.abs(shift)).toBeLessThan(most + 0.03);
      expect(noise).toBeLessThan(0.17);
    }
    expect(new Set(looks.map(({ shift }) => Math.sign(shift)))).toEqual(new Set([-1, 1]));
    expect(looks.filter(({ noise }) => noise < 1e-6).length).toBeGreaterThan(20);
    expect(looks.filter(({ noise }) => noise > 0.02).length).toBeGreaterThan(20);
  });

  test('keeps calcium that is thinner than its voxels', () => {
    const grid = cube(81, 1);
    const mask = volumeOf(grid, ([x, y, z]) =>
      x >= 39 && x <= 40 && y >= 39 && y <= 41 && z >= 39 && z <= 41 ? 1 : 0,
    );
    const from: PreparedCase = {
      id: 'p1',
      image: volumeOf(cube(27, 3, [1, 1, 1]), () => 0),
      targets: new Map([['calcification', { kind: 'mask', mask: { ...grid, data: Uint8Array.from(mask.data) } }]]),
    };
    const options = { side: 27, spacing: 3, augment: false };
    const patch = cutPatch(from, [TASKS.calcification], options, seededRandom(1));
    expect(patch.targets.get('calcification')!.classes.includes(1)).toBe(true);
  });
});

test('the box around a mask gives the same targets as the whole mask, in less memory', async () => {
  const grid = cube(70, 0.8, [-8, -18, -23]);
  const [middle, radius] = [[20, 10, 5] as Vec3, 4];
  const whole = {
    ...grid,
    data: Uint8Array.from(
      volumeOf(grid, (p) => (Math.hypot(...p.map((v, i) => v - middle[i]!)) < radius ? 1 : 0)).data,
    ),
  };
  const image = volumeOf(cube(56, 1, [-8, -18, -23]), () => STANDARDISED_AIR);
  const from: PreparedCase = { id: 'p', image, targets: new Map([['calcification', { kind: 'mask', mask: whole }]]) };
  const small = (await inMemory(from).load())!;
  const target = small.targets.get('calcification');
  expect(target?.kind === 'mask' && target.mask.data.length).toBeLessThan(whole.data.length / 5);
  let foreground = 0;
  // A patch that is not aimed at the foreground does not depend on how the foreground is searched.
  for (let seed = 0; seed < 40; seed++) {
    if (seededRandom(seed)() < 0.67) continue;
    for (const options of [
      { ...fine, side: 16, spacing: 3 },
      { ...fine, side: 16, spacing: 2, augment: false },
    ]) {
      const [a, b] = [from, small].map((item) => cutPatch(item, [TASKS.calcification], options, seededRandom(seed)));
      expect(b!.targets.get('calcification')).toEqual(a!.targets.get('calcification'));
      foreground += a!.targets.get('calcification')!.classes.reduce((sum, value) => sum + value, 0);
    }
  }
  expect(foreground).toBeGreaterThan(100);
});

test('an empty mask is a target without foreground', async () => {
  const grid = cube(20, 1);
  const empty: Target = { kind: 'mask', mask: { ...grid, data: new Uint8Array(20 ** 3) } };
  const item = { id: 'p', image: volumeOf(grid, () => 0), targets: new Map([['calcification', empty]] as const) };
  const from = (await inMemory(item).load())!;
  const patch = cutPatch(from, [TASKS.calcification], { ...fine, side: 16 }, seededRandom(1));
  expect(new Set(patch.targets.get('calcification')!.classes)).toEqual(new Set([0]));
});
