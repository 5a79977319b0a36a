import { type NIFTI1, NIFTI2 } from 'nifti-reader-js';
import { FedcardioError } from '../error.ts';
import { affineOf, determinant, largestShift, spacingOf, withoutShear } from './affine.ts';
import { orientationOf } from './orientation.ts';
import type { Affine, Vec3 } from './volume.ts';

/** What a header says about the positions of its voxels, in mm. */
export interface Orientation {
  readonly affine: Affine;
  readonly affineFrom: 'sform' | 'qform';
  /** Voxel size along x, y and z by the header's `pixdim`. */
  readonly pixdim: Vec3;
  /** Unit of the header's lengths. They have been converted to mm. */
  readonly unit: string;
}

/** Names of NIfTI's spatial units, and mm in each. An unknown unit counts as mm, as in ITK and nibabel. */
const UNITS: Readonly<Record<number, readonly [name: string, mm: number]>> = {
  1: ['metres', 1000],
  2: ['millimetres', 1],
  3: ['micrometres', 0.001],
};
const UNIT_MASK = 7;

/**
 * Two readings of a header agree if no voxel moves by more than a thousandth of the volume's diagonal, or by 0.1 mm in
 * a small volume. A qform in single precision needs that much: near half a turn, its rotation is known to 7e-4 rad.
 */
const TOLERANCE = { shareOfDiagonal: 1e-3, mm: 0.1 } as const;
/** b² + c² + d² of a unit quaternion in single precision is at most this. */
const MAX_SQUARES = 1 + 1e-5;

const EXPORT_AGAIN = 'Export the volume from its DICOM series again, with 3D Slicer or dcm2niix.';
const DISAGREE = `Programs follow one or the other, and see the patient at different places or with left and right exchanged. ${EXPORT_AGAIN}`;
const TILTED =
  "The scanner's gantry was tilted. dcm2niix also writes a file whose name ends in _Tilt_1 or _Tilt_Eq_1, in which the slices are upright: upload that one.";

type Raw = InstanceType<typeof NIFTI1> | InstanceType<typeof NIFTI2>;

/**
 * The position of the voxels. The sform counts if its code is above 0, else the qform, as in nibabel. Programs differ in
 * which they follow, in how they read a sheared sform, and in what they take for granted without either, so a file that
 * they would read differently is refused (decision 029).
 *
 * nifti-reader-js's affine is not used: for NIfTI-1 it prefers the qform to an sform of lower code, and it ignores
 * NIfTI-2's qform.
 *
 * @throws BAD_IMAGE that names both readings
 */
export function orientationFields(raw: Raw, bytes: Uint8Array, shape: Vec3): Orientation {
  const [unit, mm] = UNITS[raw.xyzt_units & UNIT_MASK] ?? ['millimetres', 1];
  const pixdim = raw.pixDims.slice(1, 4).map((size) => size * mm) as unknown as Vec3;
  if (!pixdim.every((size) => Number.isFinite(size) && size > 0)) {
    throw new FedcardioError('BAD_IMAGE', `Its voxel spacing is given as ${pixdim.join(' × ')} mm.`, {
      hint: 'The spacing was lost: export the volume from its DICOM series again.',
    });
  }
  const sform = raw.sform_code > 0 ? usable('sform', scaled(sformOf(raw, bytes), mm)) : undefined;
  const qform = raw.qform_code > 0 ? usable('qform', scaled(qformOf(raw), mm)) : undefined;
  const affine = sform ?? qform;
  if (!affine) {
    throw new FedcardioError('BAD_IMAGE', 'Its header holds no orientation: the codes of sform and qform are 0.', {
      hint: `Programs guess left and right, front and back, and guess differently. ${EXPORT_AGAIN}`,
    });
  }
  checkAgreement(shape, pixdim, sform, qform);
  return { affine, affineFrom: sform ? 'sform' : 'qform', pixdim, unit };
}

function usable(name: 'sform' | 'qform', affine: Affine): Affine {
  if (affine.flat().every(Number.isFinite) && determinant(affine) !== 0) return affine;
  const reason = `Its orientation (${name}) is not usable: it holds zeros, values that are not numbers, or no rotation.`;
  throw new FedcardioError('BAD_IMAGE', reason, { hint: `The orientation was lost. ${EXPORT_AGAIN}` });
}

function checkAgreement(shape: Vec3, pixdim: Vec3, sform: Affine | undefined, qform: Affine | undefined): void {
  if (!sform) return;
  const tolerance = toleranceMm(shape, sform);
  const shear = largestShift({ shape, affine: sform }, { shape, affine: withoutShear(sform) });
  const [hint, sheared] = shear > tolerance ? [TILTED, ', sheared'] : [DISAGREE, ''];
  const apart = qform ? largestShift({ shape, affine: sform }, { shape, affine: qform }) : 0;
  if (apart > tolerance) {
    const [one, other] = [reading(sform), reading(qform as Affine)];
    const reason = `By its sform its voxels ${one}${sheared}; by its qform they ${other}: up to ${apart.toFixed(1)} mm apart.`;
    throw new FedcardioError('BAD_IMAGE', reason, { hint });
  }
  if (shear > tolerance) {
    const reason = `Its sform is sheared: its axes are not perpendicular, and voxels lie up to ${shear.toFixed(1)} mm away from a grid whose axes are.`;
    throw new FedcardioError('BAD_IMAGE', reason, { hint });
  }
  const spacing = spacingOf(sform);
  const stretch = Math.max(...shape.map((side, i) => side * Math.abs((spacing[i] as number) - (pixdim[i] as number))));
  if (stretch > tolerance) {
    const reason = `By its sform its voxels measure ${sizes(spacing)} mm, by its pixdim ${sizes(pixdim)} mm.`;
    throw new FedcardioError('BAD_IMAGE', reason, { hint });
  }
}

function toleranceMm(shape: Vec3, affine: Affine): number {
  const spacing = spacingOf(affine);
  const diagonal = Math.hypot(...shape.map((side, i) => side * (spacing[i] as number)));
  return Math.max(TOLERANCE.mm, TOLERANCE.shareOfDiagonal * diagonal);
}

const sizes = (spacing: Vec3): string => spacing.map((size) => Number(size.toPrecision(4))).join(' × ');

const reading = (affine: Affine): string =>
  `measure ${sizes(spacingOf(affine))} mm and run ${orientationOf(affine)} from (${affine
    .slice(0, 3)
    .map((row) => Number(row[3].toFixed(1)))
    .join(', ')})`;

const scaled = (affine: Affine, mm: number): Affine => affineOf(affine.map((row) => row.map((value) => value * mm)));

/** nifti-reader-js keeps the rows only for NIfTI-2. It overwrites those of NIfTI-1 if it prefers the qform. */
function sformOf(raw: Raw, bytes: Uint8Array): Affine {
  if (raw instanceof NIFTI2) return affineOf(raw.affine);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const row = (r: number) => [0, 1, 2, 3].map((c) => view.getFloat32(280 + (r * 4 + c) * 4, raw.littleEndian));
  return affineOf([row(0), row(1), row(2)]);
}

/** Method 2 of nifti1.h: rotation by a unit quaternion (a, b, c, d), voxel size, and offset. NaN if it is none. */
function qformOf(raw: Raw): Affine {
  const { quatern_b: b, quatern_c: c, quatern_d: d } = raw;
  const [sign = 1, dx = 0, dy = 0, dz = 0] = raw.pixDims;
  const squares = b * b + c * c + d * d;
  const a = squares > MAX_SQUARES ? Number.NaN : Math.sqrt(Math.max(0, 1 - squares));
  const z = sign < 0 ? -dz : dz;
  return affineOf([
    [(a * a + b * b - c * c - d * d) * dx, 2 * (b * c - a * d) * dy, 2 * (b * d + a * c) * z, raw.qoffset_x],
    [2 * (b * c + a * d) * dx, (a * a + c * c - b * b - d * d) * dy, 2 * (c * d - a * b) * z, raw.qoffset_y],
    [2 * (b * d - a * c) * dx, 2 * (c * d + a * b) * dy, (a * a + d * d - b * b - c * c) * z, raw.qoffset_z],
  ]);
}
