import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isFedcardioError } from '../error.ts';
import { affineOf, apply, withoutShear } from './affine.ts';
import { parseHeader } from './nifti-header.ts';
import { writeNifti } from './nifti-write.ts';
import type { Affine, Vec3 } from './volume.ts';

/** NIfTI-1 fields. */
const [DIM, PIXDIM, UNITS, QFORM_CODE, SFORM_CODE, QUATERNION, QOFFSET, SROWS] = [40, 76, 123, 252, 254, 256, 268, 280];
const SHAPE: Vec3 = [64, 48, 40];
const LPS = affineOf([
  [-1, 0, 0, 30],
  [0, -1, 0, 20],
  [0, 0, 2, -40],
]);

/** A header of {@link SHAPE} or another shape, without voxels. */
function header(affine: Affine, edit: (file: Buffer) => void = () => {}, shape: Vec3 = SHAPE): Buffer {
  const file = Buffer.from(writeNifti({ shape: [1, 1, 1], affine, data: new Int16Array(1) }, { gzip: false }));
  shape.forEach((side, i) => {
    file.writeInt16LE(side, DIM + 2 + 2 * i);
  });
  edit(file);
  return file;
}
const sform = (file: Buffer, affine: Affine) =>
  affine.slice(0, 3).forEach((row, r) => {
    row.forEach((value, c) => void file.writeFloatLE(value, SROWS + 4 * (4 * r + c)));
  });
const floats = (file: Buffer, at: number, ...values: readonly number[]) =>
  values.forEach((value, i) => void file.writeFloatLE(value, at + 4 * i));
const code = (file: Buffer, at: number, value: number) => file.writeInt16LE(value, at);
const sheared = (mm: number): Affine =>
  affineOf([
    [-1, 0, 0, 30],
    [0, -1, mm, 20],
    [0, 0, 2, -40],
  ]);

const CONTRADICTIONS: readonly (readonly [what: string, edit: (file: Buffer) => void, reason: RegExp])[] = [
  [
    'an sform of 1 mm and a pixdim of 2.5 mm',
    (file) => floats(file, PIXDIM + 4, 2.5, 2.5, 3),
    /measure 1 × 1 × 2 mm and run LPS.*; by its qform they measure 2\.5 × 2\.5 × 3 mm/,
  ],
  [
    'the same without a qform',
    (file) => {
      code(file, QFORM_CODE, 0);
      floats(file, PIXDIM + 4, 1, 1, 3);
    },
    /^By its sform its voxels measure 1 × 1 × 2 mm, by its pixdim 1 × 1 × 3 mm\.$/,
  ],
  ['a scaled sform', (file) => sform(file, affineOf(LPS.map((row) => row.map((v) => 1.1 * v)))), /measure 1\.1 × 1\.1/],
  [
    'a mirrored qform',
    (file) => {
      floats(file, PIXDIM, -1);
      floats(file, QUATERNION, 0, 1, 0);
    },
    /run LPS from \(30, 20, -40\); by its qform they measure 1 × 1 × 2 mm and run LAS.*up to 94\.0 mm apart/,
  ],
  ['a shifted qform', (file) => floats(file, QOFFSET, 31.5), /from \(31\.5, 20, -40\): up to 1\.5 mm apart/],
  ['a turned qform', (file) => floats(file, QUATERNION, 0, 0.02, Math.sqrt(1 - 0.02 ** 2)), /mm apart/],
  [
    'a sheared sform and a qform',
    (file) => sform(file, sheared(0.2)),
    /measure 1 × 1 × 2\.01 mm.*, sheared; by its qform they measure 1 × 1 × 2 mm.*up to 7\.8 mm apart/,
  ],
  [
    'a sheared sform alone',
    (file) => {
      code(file, QFORM_CODE, 0);
      sform(file, sheared(0.2));
    },
    /is sheared: its axes are not perpendicular, and voxels lie up to [45]\.\d mm away/,
  ],
  [
    'no form',
    (file) => {
      code(file, QFORM_CODE, 0);
      code(file, SFORM_CODE, 0);
    },
    /holds no orientation/,
  ],
  ['a quaternion longer than 1', (file) => floats(file, QUATERNION, 0, 0.8, 0.8), /\(qform\) is not usable/],
  ['a quaternion that is no number', (file) => floats(file, QUATERNION, Number.NaN), /\(qform\) is not usable/],
  ['an endless offset', (file) => floats(file, QOFFSET, Number.POSITIVE_INFINITY), /\(qform\) is not usable/],
  ['a spacing of 0 beside a good sform', (file) => floats(file, PIXDIM + 8, 0), /given as 1 × 0 × 2 mm/],
];

describe('a header that programs read differently is refused, and both readings are named', () => {
  test.each(CONTRADICTIONS)('%s', (_what, edit, reason) => {
    expect(() => parseHeader(header(LPS, edit))).toThrow(reason);
    try {
      parseHeader(header(LPS, edit));
    } catch (error) {
      expect(isFedcardioError(error, 'BAD_IMAGE') && error.hint).toBeTruthy();
    }
  });

  test('a tilted gantry is told from other contradictions', () => {
    const hint = (edit: (file: Buffer) => void) => {
      try {
        parseHeader(header(LPS, edit));
      } catch (error) {
        return (error as { hint?: string }).hint;
      }
      return undefined;
    };
    expect(hint((file) => sform(file, sheared(0.2)))).toContain('_Tilt_1');
    expect(hint((file) => floats(file, QOFFSET, 31.5))).not.toContain('_Tilt_1');
  });
});

describe('a header that all programs read alike is accepted', () => {
  const garbage = (file: Buffer) => floats(file, QUATERNION, Number.NaN, 9, 9, Number.NaN, 1e30, 0);

  test('what a form without a code holds does not count', () => {
    const noQform = header(LPS, (file) => {
      code(file, QFORM_CODE, 0);
      garbage(file);
    });
    const noSform = header(LPS, (file) => {
      code(file, SFORM_CODE, 0);
      floats(file, SROWS, ...new Array(12).fill(Number.NaN));
    });
    expect(parseHeader(noQform)).toMatchObject({ affine: LPS, affineFrom: 'sform' });
    expect(parseHeader(noSform)).toMatchObject({ affine: LPS, affineFrom: 'qform' });
  });

  test('a spacing that was rounded to three decimals', () => {
    const spacing = 0.48828125;
    const affine = affineOf([
      [-spacing, 0, 0, 0],
      [0, -spacing, 0, 0],
      [0, 0, 0.625, 0],
    ]);
    const rounded = header(affine, (file) => floats(file, PIXDIM + 4, 0.488, 0.488, 0.625), [512, 512, 300]);
    expect(parseHeader(rounded).affine).toEqual(affine);
  });

  test('any rotation in single precision, in the largest CT', () => {
    const angle = fc.oneof(fc.double({ min: -Math.PI, max: Math.PI, noNaN: true }), fc.constantFrom(0, Math.PI));
    // Near half a turn, the quaternion's a is the root of a rounding error.
    const small = fc.double({ min: -1e-3, max: 1e-3, noNaN: true });
    const sides = fc.constantFrom<Vec3>([512, 512, 1000], [1024, 1024, 1000], [64, 64, 64]);
    const spacings = fc.double({ min: 0.3, max: 1, noNaN: true });
    fc.assert(
      fc.property(angle, fc.oneof(angle, small), small, fc.boolean(), sides, spacings, (z, y, x, flip, shape, mm) => {
        const [cx, sx, cy, sy, cz, sz] = [x, y, z].flatMap((a) => [Math.cos(a), Math.sin(a)]) as [
          number,
          number,
          number,
          number,
          number,
          number,
        ];
        const rotated = affineOf([
          [mm * cz * cy, mm * (cz * sy * sx - sz * cx), (flip ? -1 : 1) * mm * (cz * sy * cx + sz * sx), -200],
          [mm * sz * cy, mm * (sz * sy * sx + cz * cx), (flip ? -1 : 1) * mm * (sz * sy * cx - cz * sx), 150],
          [-mm * sy, mm * cy * sx, (flip ? -1 : 1) * mm * cy * cx, 1000],
        ]);
        expect(parseHeader(header(rotated, () => {}, shape)).affineFrom).toBe('sform');
      }),
      { numRuns: 500 },
    );
  });
});

describe('lengths are converted to mm by the unit of the header, as in ITK', () => {
  const inUnit = (unit: number, perMm: number, qformOnly = false) =>
    header(affineOf(LPS.map((row) => row.map((value) => value * perMm))), (file) => {
      file.writeUInt8(unit, UNITS);
      if (qformOnly) code(file, SFORM_CODE, 0);
    });

  test.each([
    ['metres', 1, 1e-3],
    ['millimetres', 2, 1],
    ['micrometres', 3, 1e3],
    ['no unit: mm', 0, 1],
    ['micrometres, beside seconds', 3 + 8, 1e3],
  ])('%s', (_what, unit, perMm) => {
    for (const qformOnly of [false, true]) {
      const { affine, pixdim } = parseHeader(inUnit(unit, perMm, qformOnly));
      affine.flat().forEach((value, i) => {
        expect(value).toBeCloseTo(LPS.flat()[i] as number, 4);
      });
      pixdim.forEach((size, i) => {
        expect(size).toBeCloseTo([1, 1, 2][i] as number, 5);
      });
    }
  });
});

test('withoutShear keeps spacing and origin, and is the affine itself if its axes are perpendicular', () => {
  const upright = withoutShear(sheared(0.2));
  const [x, y, z] = (
    [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ] as const
  ).map((step) => {
    const [from, to] = [apply(upright, [0, 0, 0]), apply(upright, step)];
    return to.map((value, i) => value - (from[i] as number));
  }) as [number[], number[], number[]];
  const dot = (p: number[], q: number[]) => p.reduce((sum, value, i) => sum + value * (q[i] as number), 0);

  expect([dot(x, y), dot(y, z), dot(x, z)].every((product) => Math.abs(product) < 1e-9)).toBe(true);
  expect([dot(x, x), dot(y, y), dot(z, z)].map((s) => Math.sqrt(s))).toEqual(
    [1, 1, Math.hypot(2, 0.2)].map((size) => expect.closeTo(size, 9)),
  );
  expect(apply(upright, [0, 0, 0])).toEqual([30, 20, -40]);
  withoutShear(LPS)
    .flat()
    .forEach((value, i) => {
      expect(value).toBeCloseTo(LPS.flat()[i] as number, 12);
    });
});
