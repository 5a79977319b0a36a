import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TASKS } from '../federation/tasks.ts';
import type { Vec3 } from '../imaging/volume.ts';
import { generatePhantom } from '../phantom/phantom.ts';
import { scannerOf } from '../phantom/scanner.ts';
import { circleThrough, type MeasuredTask, measure } from './measurements.ts';

const NAMES = TASKS['hinge-points'].classes;
const hingePoints = (points: readonly (Vec3 | null)[], doubts: readonly string[] = []): MeasuredTask => ({
  task: TASKS['hinge-points'],
  landmarks: Object.fromEntries(NAMES.map((name, i) => [name, points[i] ?? null])),
  doubts,
});
const septum = ([start, end]: readonly Vec3[]): MeasuredTask => ({
  task: TASKS['membranous-septum'],
  landmarks: { 'septum-start': start ?? null, 'septum-end': end ?? null },
  doubts: [],
});
const measured = (found: readonly MeasuredTask[], id: string) =>
  measure(found).measurements.find((measurement) => measurement.id === id)?.value;

/** An annulus of 24 mm in the plane z = 5, and ostia 12 and 10 mm above it. */
const onCircle = (degrees: number): Vec3 => [
  12 * Math.sin((degrees * Math.PI) / 180),
  12 * Math.cos((degrees * Math.PI) / 180),
  5,
];
const ROOT: readonly Vec3[] = [onCircle(0), onCircle(-120), onCircle(120), [0, 15, 17], [-13, -8, 15]];

const coordinate = fc.double({ min: -200, max: 200, noNaN: true });
const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
/** A rotation about z, then about x, and a shift. */
const rigidMotion = fc
  .tuple(angle, angle, coordinate, coordinate, coordinate)
  .map(([a, b, dx, dy, dz]) => ([x, y, z]: Vec3): Vec3 => {
    const [x1, y1] = [x * Math.cos(a) - y * Math.sin(a), x * Math.sin(a) + y * Math.cos(a)];
    return [x1 + dx, y1 * Math.cos(b) - z * Math.sin(b) + dy, y1 * Math.sin(b) + z * Math.cos(b) + dz];
  });

describe('the aortic root', () => {
  test('is measured in mm, with the plane towards the aorta', () => {
    const { annulusPlane, measurements } = measure([hingePoints(ROOT)]);

    expect(annulusPlane?.normal).toEqual([expect.closeTo(0, 9), expect.closeTo(0, 9), expect.closeTo(1, 9)]);
    expect(annulusPlane?.centre).toEqual([expect.closeTo(0, 9), expect.closeTo(0, 9), expect.closeTo(5, 9)]);
    expect(measurements).toMatchObject([
      { id: 'annulus-diameter', unit: 'mm', value: expect.closeTo(24, 9), doubts: [] },
      { id: 'coronary-height-right', unit: 'mm', value: expect.closeTo(12, 9), doubts: [] },
      { id: 'coronary-height-left', unit: 'mm', value: expect.closeTo(10, 9), doubts: [] },
    ]);
  });

  test('measures the same after any rigid motion, and twice as much at twice the size', () => {
    const values = (points: readonly Vec3[]) => measure([hingePoints(points)]).measurements.map(({ value }) => value!);
    const expected = values(ROOT);
    fc.assert(
      fc.property(rigidMotion, (move) => {
        values(ROOT.map(move)).forEach((value, i) => void expect(value).toBeCloseTo(expected[i]!, 6));
        const twice = ROOT.map((point) => move(point.map((x) => 2 * x) as unknown as Vec3));
        values(twice).forEach((value, i) => void expect(value).toBeCloseTo(2 * expected[i]!, 6));
      }),
    );
  });

  test('of a phantom has its true heights and length, and its diameter within its ellipse', () => {
    const scanner = { ...scannerOf(1, 1), pixelMm: 12, sliceMm: 12 };
    const errors = Array.from({ length: 60 }, (_, seed) => {
      const { points, facts } = generatePhantom({ seed, scanner });
      const found = [hingePoints(points['hinge-points']), septum(points['membranous-septum'])];
      expect(measured(found, 'coronary-height-right')).toBeCloseTo(facts.coronaryHeightsMm.right, 6);
      expect(measured(found, 'coronary-height-left')).toBeCloseTo(facts.coronaryHeightsMm.left, 6);
      expect(measured(found, 'septum-length')).toBeCloseTo(facts.septumLengthMm, 6);
      expect(measure(found).measurements.flatMap(({ doubts }) => doubts)).toEqual([]);
      return Math.abs(measured(found, 'annulus-diameter')! / facts.annulusDiameterMm - 1);
    });

    // The phantom's annulus is an ellipse of (long − short) / (long + short) ≤ 0.08.
    expect(Math.max(...errors)).toBeLessThan(0.08);
  });

  test('has its ostia below the plane, and says so, if hinge points are exchanged', () => {
    const [right, left, ...others] = ROOT as [Vec3, Vec3, ...Vec3[]];

    const { measurements } = measure([hingePoints([left, right, ...others])]);

    for (const { value, doubts } of measurements.slice(1)) {
      expect(value).toBeLessThan(0);
      expect(doubts).toEqual(['the ostium lies below the plane of the annulus']);
    }
  });
});

describe('nothing is guessed', () => {
  test.each(NAMES.map((name, index) => [name, index] as const))('without %s', (name, missing) => {
    const { annulusPlane, measurements } = measure([
      hingePoints(ROOT.map((point, i) => (i === missing ? null : point))),
    ]);

    const without = measurements.filter(({ value }) => value === null).map(({ id, reason }) => [id, reason]);
    const all = ['annulus-diameter', 'coronary-height-right', 'coronary-height-left'];
    const lost = missing < 3 ? all : [missing === 3 ? all[1] : all[2]];
    expect(without).toEqual(lost.map((id) => [id, `not found: ${name}`]));
    expect(annulusPlane === null).toBe(missing < 3);
  });

  test('from hinge points on one line, or two at one place', () => {
    for (const hinges of [
      [
        [0, 0, 0],
        [10, 0, 0],
        [20, 0.5, 0],
      ],
      [
        [0, 0, 0],
        [0, 0, 0],
        [20, 5, 0],
      ],
    ] as unknown as readonly (readonly Vec3[])[]) {
      const { annulusPlane, measurements } = measure([hingePoints([...hinges, [0, 0, 9], [0, 0, 9]])]);

      expect(annulusPlane).toBeNull();
      for (const { value, reason } of measurements) {
        expect(value).toBeNull();
        expect(reason).toBe('the three hinge points lie nearly on one line');
      }
    }
  });

  test('of tasks that the model does not have', () => {
    expect(measure([])).toEqual({ annulusPlane: null, measurements: [] });
    const coronaries: MeasuredTask = { task: TASKS['coronary-arteries'], volumeMm3: 900, doubts: [] };
    expect(measure([coronaries]).measurements).toEqual([]);
  });
});

describe('points that two tasks name alike', () => {
  const other = (points: readonly (Vec3 | null)[]): MeasuredTask => ({
    task: { id: 'our-hinges', kind: 'landmarks', title: 'Our hinges' },
    landmarks: Object.fromEntries(NAMES.map((name, i) => [name, points[i] ?? null])),
    doubts: ['unsure'],
  });
  const alone = measure([hingePoints(ROOT)]);

  test.each([
    ['are missing', [null, null, null, null, null]],
    ['are missing in part', [null, [30, 0, 5], null, [1, 2, 3], null]],
  ] as const)('do not replace found ones if they %s', (_, points) => {
    expect(measure([hingePoints(ROOT), other(points)])).toEqual(alone);
    expect(measure([other(points), hingePoints(ROOT)]).annulusPlane).toEqual(alone.annulusPlane);
  });

  test('make no circle of two tasks', () => {
    const shifted = other(ROOT.map(([x, y, z]) => [x + 50, y, z]));
    const oneOnly: MeasuredTask = { ...shifted, landmarks: { 'hinge-left': [30, 0, 5] } };

    expect(measure([hingePoints(ROOT), shifted])).toEqual(alone);
    expect(measure([hingePoints(ROOT), oneOnly])).toEqual(alone);
    expect(measure([hingePoints([null, ...ROOT.slice(1)]), oneOnly]).annulusPlane).toBeNull();
  });
});

test('what comes from an unsure task is unsure, and an impossible annulus is implausible', () => {
  const wide = ROOT.map(([x, y, z]) => [2 * x, 2 * y, z] as const);

  const { measurements } = measure([hingePoints(wide, ['confidence: 0.31 of at least 0.5'])]);

  expect(measurements[0]).toMatchObject({
    value: expect.closeTo(48, 9),
    doubts: ['confidence: 0.31 of at least 0.5', '48.0 mm of 15 to 40'],
  });
  expect(measurements[1]?.doubts).toEqual(['confidence: 0.31 of at least 0.5']);
});

test('a volume of zero is a finding', () => {
  expect(measure([{ task: TASKS.calcification, volumeMm3: 0, doubts: [] }]).measurements).toEqual([
    { id: 'calcification-volume', title: 'Calcification, volume', unit: 'mm³', value: 0, doubts: [] },
  ]);
});

test('points that nearly coincide have no circle', () => {
  const tiny = 1e-110;
  expect(circleThrough([0, 0, 0], [tiny, 0, 0], [0, tiny, 0])).toBeNull();
});

test('a circle goes through its three points', () => {
  const point = fc.tuple(coordinate, coordinate, coordinate);
  fc.assert(
    fc.property(point, point, point, (p, q, r) => {
      const circle = circleThrough(p, q, r);
      if (!circle) return;
      const { centre, normal, diameter } = circle;
      for (const [x, y, z] of [p, q, r]) {
        const offset = [x - centre[0], y - centre[1], z - centre[2]] as const;
        expect((2 * Math.hypot(...offset)) / diameter).toBeCloseTo(1, 8);
        expect(offset[0] * normal[0] + offset[1] * normal[1] + offset[2] * normal[2]).toBeCloseTo(0, 6);
      }
    }),
  );
});
