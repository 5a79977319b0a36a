import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { generatePhantom } from '../phantom/phantom.ts';
import { scannerOf } from '../phantom/scanner.ts';
import { apply, IDENTITY, voxelsOf } from './affine.ts';
import { cropToHeart, heartCentre } from './heart-crop.ts';
import { reorient } from './reorient.ts';
import { isotropicGrid, resample } from './resample.ts';
import type { Vec3, Volume } from './volume.ts';

const SPACING = 5;
const SHAPE: Vec3 = [76, 60, 80];

interface Torso {
  readonly heart: Vec3;
  /** HU of contrast-enhanced blood. */
  readonly contrast: number;
  readonly lungs: readonly ('left' | 'right')[];
  /** HU of vertebrae and lungs, if not the usual ones. */
  readonly spine?: number;
  readonly lung?: number;
}

const ellipsoid = (p: Vec3, centre: Vec3, radii: Vec3) =>
  p.reduce((sum, value, axis) => sum + ((value - (centre[axis] as number)) / (radii[axis] as number)) ** 2, 0) <= 1;

/**
 * A trunk from neck to pelvis, 380×300×400 mm, RAS: a heart with two chambers, an aorta down along the spine, lungs,
 * and below them liver, kidneys and pelvic bones, as in a planning CT for TAVI.
 */
function torso({ heart, contrast, lungs, spine = 260, lung = -830 }: Torso): Volume<Int16Array> {
  const [hx, hy, hz] = heart;
  const hu = (p: Vec3): number => {
    const [x, y, z] = p;
    if ((x / 170) ** 2 + (y / 110) ** 2 > 1) return -1000;
    if (ellipsoid(p, [hx - 15, hy + 5, hz], [32, 28, 40]) || ellipsoid(p, [hx + 28, hy + 8, hz], [26, 26, 36]))
      return contrast;
    if (ellipsoid(p, heart, [70, 50, 62])) return 60;
    if (Math.hypot(x + 22, y + 55) < 13) return contrast;
    if (Math.hypot(x, y + 78) < 22) return spine;
    if (z > hz - 70 && lungs.some((side) => ellipsoid(p, [side === 'right' ? 90 : -90, 0, hz + 30], [65, 85, 120])))
      return lung;
    if (ellipsoid(p, [70, 10, hz - 140], [85, 75, 60])) return 110;
    if ([-60, 60].some((at) => ellipsoid(p, [at, -45, hz - 190], [26, 26, 55]))) return 200;
    if (z < hz - 260 && Math.abs(x) > 70 && Math.abs(x) < 120 && Math.abs(y) < 50) return 320;
    return 45;
  };
  const affine = [0, 1, 2].map((row) =>
    [0, 1, 2, 3].map((c) => (c === row ? SPACING : c < 3 ? 0 : -((SHAPE[row] as number) - 1) * SPACING * 0.5)),
  );
  const grid = { shape: SHAPE, affine: [...affine, [0, 0, 0, 1]] as unknown as Volume['affine'] };
  const [nx, ny] = SHAPE;
  const data = Int16Array.from({ length: voxelsOf(SHAPE) }, (_, i) =>
    hu(apply(grid.affine, [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))])),
  );
  return { ...grid, data };
}

const USUAL: Torso = { heart: [-10, 15, 90], contrast: 380, lungs: ['left', 'right'] };
const apart = (a: Vec3, b: Vec3) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

describe('the heart', () => {
  test('is found at any position in a trunk and in any voxel orientation', () => {
    const heart = fc.tuple(
      fc.integer({ min: -25, max: 10 }),
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: -60, max: 110 }),
    );
    fc.assert(
      fc.property(
        heart,
        fc.integer({ min: 220, max: 600 }),
        fc.constantFrom('RAS', 'LPS', 'PIR'),
        (at, contrast, code) => {
          const found = heartCentre(reorient(torso({ ...USUAL, heart: at, contrast }), code));
          expect(found).not.toBeNull();
          expect(apart(found as Vec3, at)).toBeLessThan(40);
        },
      ),
      { numRuns: 12 },
    );
  });

  test.each([
    ['without contrast', { contrast: 45 }],
    ['with one lung only', { lungs: ['left'] as const }],
    ['without lungs, as in an abdominal CT', { lungs: [] }],
  ])('is not located %s', (_what, change) => {
    expect(heartCentre(torso({ ...USUAL, ...change }))).toBeNull();
  });
});

test('the heart of a phantom from each scanner is found near its aortic root, and without contrast not at all', () => {
  for (let site = 0; site < 8; site += 1) {
    const scanner = scannerOf(site, 2);
    const { image, points } = generatePhantom({ seed: 2, scanner, fieldOfViewMm: 240 });
    const found = heartCentre(image);
    const native = { ...image, data: image.data.map((hu) => Math.min(hu, 60)) };

    expect(found, scanner.name).not.toBeNull();
    expect(apart(found as Vec3, points['hinge-points'][0] as Vec3), scanner.name).toBeLessThan(45);
    expect(heartCentre(native), scanner.name).toBeNull();
  }
});

test.each([
  ['a dense spine without discs', { spine: 400 }],
  ['air for lungs, as beside a leg', { lung: -1000 }],
])('no heart is found without contrast but with %s', (_what, change) => {
  expect(heartCentre(torso({ ...USUAL, contrast: 45, ...change }))).toBeNull();
});

describe('the crop', () => {
  const ct = torso(USUAL);
  const whole = isotropicGrid(ct, 4);

  test('is a part of the whole grid around the heart, with the same voxels at the same positions', () => {
    const crop = cropToHeart(ct, whole, 160);
    expect(crop.shape).toEqual([40, 40, 40]);
    const middle = apply(crop.affine, [19.5, 19.5, 19.5]);
    expect(apart(middle, USUAL.heart)).toBeLessThan(40);
    const [all, part] = [whole, crop].map((grid) => resample(ct, grid, 'linear', -1000).data) as [
      Float32Array,
      Float32Array,
    ];
    const first = ([0, 1, 2] as const).map((axis) => Math.round((crop.affine[axis][3] - whole.affine[axis][3]) / 4));
    const [x0, y0, z0] = first as unknown as Vec3;
    const differing = part.filter((value, i) => {
      const [x, y, z] = [x0 + (i % 40), y0 + (Math.floor(i / 40) % 40), z0 + Math.floor(i / 1600)];
      return Math.abs(value - (all[x + whole.shape[0] * (y + whole.shape[1] * z)] as number)) > 1e-3;
    });
    expect(differing).toHaveLength(0);
  });

  test('stays within the volume when the heart is at its edge', () => {
    const high = torso({ ...USUAL, heart: [-10, 15, 110] });
    const { shape, affine } = cropToHeart(high, whole, 240);
    expect(shape).toEqual([60, 60, 60]);
    expect(affine[2][3] + 59 * 4).toBeLessThanOrEqual(whole.affine[2][3] + (whole.shape[2] - 1) * 4 + 1e-9);
  });

  test('does not cut an axis that is short enough', () => {
    expect(cropToHeart(ct, whole, 310).shape).toEqual([78, whole.shape[1], 78]);
  });

  test('keeps the whole volume if it is small enough or has no heart', () => {
    expect(cropToHeart(ct, whole, 400)).toBe(whole);
    expect(cropToHeart(torso({ ...USUAL, contrast: 45 }), whole, 160)).toBe(whole);
    const nothing: Volume = { shape: [2, 2, 2], affine: IDENTITY, data: new Int16Array(8) };
    expect(heartCentre(nothing)).toBeNull();
  });
});
