import { FedcardioError } from '../error.ts';
import type { ImageEntry } from '../federation/schemas.ts';
import { spacingOf } from '../imaging/affine.ts';
import type { NiftiHeader } from '../imaging/nifti-header.ts';
import { scanNifti } from '../imaging/nifti-scan.ts';
import { orientationOf } from '../imaging/orientation.ts';

/** The fields of a catalog entry that come from the image file. */
export type ImageFacts = Pick<ImageEntry, 'sha256' | 'shape' | 'spacing' | 'affine' | 'orientation' | 'range'>;

/** Accepted voxel sizes, mm. The limits are wide: other values mean wrong units. */
const SPACING_MM = { min: 0.05, max: 10 } as const;
/** Limit of absolute values, HU: scanners store 16 bits, padding and metal included. */
const MAX_HU = 2 ** 16;

/**
 * Reads a CT once, chunk by chunk. Refuses only files that cannot be a CT in HU: other formats, a single slice, a
 * constant value, or no value below 0 HU (every scan of a chest contains air and fat, so such values are normalised,
 * 8-bit, or lack the intercept of −1024).
 *
 * @param fileBytes size of the object
 * @throws BAD_IMAGE with a reason for the uploader; errors of `source` unchanged
 */
export async function examineImage(source: AsyncIterable<Uint8Array>, fileBytes: number): Promise<ImageFacts> {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let nonFinite = 0;
  const { header, sha256 } = await scanNifti(source, fileBytes, {
    header: checkHeader,
    values: (stored) => {
      for (let i = 0; i < stored.length; i += 1) {
        const value = stored[i] as number;
        if (value < min) min = value;
        if (value > max) max = value;
        // Only NaN and infinities differ from 0 here.
        if (value - value !== 0) nonFinite += 1;
      }
    },
  });
  const { slope, intercept } = header.scaling;
  const ends = [slope * min + intercept, slope * max + intercept] as const;
  const range: [number, number] = [Math.min(...ends), Math.max(...ends)];
  checkValues(range, nonFinite);
  return {
    sha256,
    shape: [...header.shape],
    spacing: [...spacingOf(header.affine)],
    affine: header.affine.map((row) => [...row]),
    orientation: orientationOf(header.affine),
    range,
  };
}

function checkHeader({ shape, affine }: NiftiHeader): void {
  if (shape.some((side) => side < 2)) {
    throw new FedcardioError('BAD_IMAGE', `It is a single slice (${shape.join('×')}), not a volume.`, {
      hint: 'Upload the whole series as one 3D volume.',
    });
  }
  const spacing = spacingOf(affine);
  if (spacing.some((size) => size < SPACING_MM.min || size > SPACING_MM.max)) {
    const text = spacing.map((size) => Number(size.toPrecision(3))).join(' × ');
    throw new FedcardioError(
      'BAD_IMAGE',
      `Its voxel size is ${text} mm; a CT has ${SPACING_MM.min} to ${SPACING_MM.max} mm.`,
      {
        hint: 'Lengths must be in mm: export the volume from its DICOM series again.',
      },
    );
  }
}

function checkValues([min, max]: readonly [number, number], nonFinite: number): void {
  if (nonFinite > 0) {
    throw new FedcardioError('BAD_IMAGE', `${nonFinite} of its voxels are NaN or infinite.`, {
      hint: 'Export the volume as 16-bit integers in HU.',
    });
  }
  if (min === max) {
    throw new FedcardioError('BAD_IMAGE', `It is empty: every voxel has the value ${min}.`, {
      hint: 'Check that the right series was exported.',
    });
  }
  const range = `from ${Number(min.toPrecision(6))} to ${Number(max.toPrecision(6))}`;
  if (min >= 0) {
    throw new FedcardioError('BAD_IMAGE', `Its values, ${range}, are not HU: air and fat are below 0 HU.`, {
      hint: 'Export the CT in Hounsfield units: with the rescale intercept applied, not normalised and not as greyscale.',
    });
  }
  if (min < -MAX_HU || max > MAX_HU) {
    throw new FedcardioError('BAD_IMAGE', `Its values, ${range}, are not HU.`, {
      hint: 'Export the CT in Hounsfield units.',
    });
  }
}
