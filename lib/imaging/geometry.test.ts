import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { hausdorff95 } from '../scoring/hausdorff.ts';
import { apply, invert } from './affine.ts';
import { connectedComponents } from './connected-components.ts';
import { readMarkups, writeMarkups } from './markups.ts';
import { readNifti } from './nifti-read.ts';
import { orientationOf } from './orientation.ts';
import { reorient } from './reorient.ts';
import { resample } from './resample.ts';
import type { Affine, Vec3, Volume } from './volume.ts';

interface Voxels {
  readonly shape: Vec3;
  readonly data: readonly number[];
}
interface Fixture {
  readonly orientation: Voxels & {
    readonly cases: readonly {
      readonly name: string;
      readonly affine: Affine;
      readonly code: string;
      readonly ras: Voxels & { readonly affine: Affine };
    }[];
  };
  readonly itkFiles: readonly {
    readonly name: string;
    readonly file: string;
    readonly indices: readonly Vec3[];
    readonly lps: readonly Vec3[];
    readonly values: readonly number[];
  }[];
  readonly resampling: Voxels & {
    readonly cases: readonly {
      readonly name: string;
      readonly source: Affine;
      readonly target: Affine;
      readonly shape: Vec3;
      readonly linear: readonly number[];
      readonly nearest: readonly number[];
    }[];
  };
  readonly components: {
    readonly shape: Vec3;
    readonly classes: readonly number[];
    readonly expected: Readonly<Record<6 | 26, readonly { label: number; voxels: number; centroid: Vec3 }[]>>;
  };
  readonly hausdorff: {
    readonly shape: Vec3;
    readonly cases: readonly { name: string; affine: Affine; a: number[]; b: number[]; hd95: number }[];
  };
}

/** Made by scripts/fixtures/geometry.py. */
const fixture = JSON.parse(readFileSync('test/fixtures/imaging/geometry.json', 'utf8')) as Fixture;

const int16 = ({ shape, data }: Voxels, affine: Affine): Volume<Int16Array> => ({
  shape,
  affine,
  data: Int16Array.from(data),
});

function expectNear(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - (actual[i] as number))), 0);
  expect(worst).toBeLessThan(tolerance);
}

describe('volumes are reoriented to RAS and back as by nibabel', () => {
  test.each(fixture.orientation.cases)('$name', ({ affine, code, ras }) => {
    const volume = int16(fixture.orientation, affine);
    const turned = reorient(volume, 'RAS');
    expect(orientationOf(affine)).toBe(code);
    expect(turned.shape).toEqual(ras.shape);
    expect([...turned.data]).toEqual(ras.data);
    expectNear(turned.affine.flat(), ras.affine.flat(), 1e-9);
    const back = reorient(turned, code);
    expect(back.data).toEqual(volume.data);
    expectNear(back.affine.flat(), affine.flat(), 1e-9);
  });
});

describe("ITK's files give the same voxels at the same positions, although ITK uses LPS", () => {
  test.each(fixture.itkFiles)('$name', ({ file, indices, lps, values }) => {
    const { shape, affine, data } = readNifti(Buffer.from(file, 'base64'));
    indices.forEach(([x, y, z], i) => {
      expect(data[x + shape[0] * (y + shape[1] * z)]).toBe(values[i]);
      const [r, a, s] = apply(affine, [x, y, z]);
      // NIfTI stores single precision.
      expectNear([-r, -a, s], lps[i] as Vec3, 1e-5);
    });
  });

  test.each(fixture.itkFiles)('markups give the same positions: $name', ({ file, indices, lps }) => {
    const { affine } = readNifti(Buffer.from(file, 'base64'));
    const names = indices.map((_, i) => `p${i}`);
    const controlPoints = names.map((label, i) => ({ label, position: lps[i] }));
    const points = readMarkups(JSON.stringify({ markups: [{ coordinateSystem: 'LPS', controlPoints }] }), names);
    points.forEach(({ position }, i) => {
      expectNear(apply(invert(affine), position as Vec3), indices[i] as Vec3, 1e-4);
    });
    const written = JSON.parse(writeMarkups(points, names)).markups[0];
    expect(written.coordinateSystem).toBe('LPS');
    expect(written.controlPoints.map(({ position }: { position: Vec3 }) => position)).toEqual(lps);
  });
});

describe('volumes are resampled as by ITK', () => {
  test.each(fixture.resampling.cases)('$name', ({ source, target, shape, linear, nearest }) => {
    const grid = { shape, affine: target };
    const volume = int16(fixture.resampling, source);
    expectNear([...resample(volume, grid, 'linear', -1000).data], linear, 0.01);
    expect([...resample(volume, grid, 'nearest', -1000).data]).toEqual(nearest);
  });
});

test.each([6, 26] as const)('components are those of scipy and ITK with %d neighbours', (connectivity) => {
  const { shape, classes, expected } = fixture.components;
  const found = connectedComponents(Uint8Array.from(classes), shape, connectivity);
  const sorted = (of: Fixture['components']['expected'][6]) =>
    of
      .map(({ label, voxels, centroid }) =>
        [label, voxels, ...centroid.map((value) => Number(value.toFixed(6)))].join(' '),
      )
      .sort();
  expect(sorted(found)).toEqual(sorted(expected[connectivity]));
});

describe('the 95 % Hausdorff distance', () => {
  const { shape, cases } = fixture.hausdorff;
  const mask = (affine: Affine, data: readonly number[]): Volume => ({ shape, affine, data: Uint8Array.from(data) });

  test.each(cases)('agrees with MONAI and scipy: $name', ({ affine, a, b, hd95 }) => {
    expect(hausdorff95(mask(affine, a), mask(affine, b))).toBeCloseTo(hd95, 4);
    expect(hausdorff95(mask(affine, b), mask(affine, a))).toBeCloseTo(hd95, 4);
    expect(hausdorff95(mask(affine, a), mask(affine, a))).toBe(0);
  });

  test('is null for an empty mask, and different grids are refused', () => {
    const [{ affine, a }] = cases as [Fixture['hausdorff']['cases'][0]];
    expect(hausdorff95(mask(affine, a), mask(affine, new Array(a.length).fill(0)))).toBeNull();
    expect(hausdorff95(mask(affine, a), mask(affine, a), 2)).toBeNull();
    expect(() => hausdorff95(mask(affine, a), mask(affine, [1]))).toThrow(/cannot be compared/);
  });
});
