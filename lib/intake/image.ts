import { FedcardioError } from '../error.ts';
import type { ImageEntry } from '../federation/schemas.ts';
import { spacingOf } from '../imaging/affine.ts';
import { type NiftiHeader, spacingReason } from '../imaging/nifti-header.ts';
import { scanNifti } from '../imaging/nifti-scan.ts';
import { orientationOf } from '../imaging/orientation.ts';

/** What intake finds out about a CT by reading it. */
export type ImageFacts = Pick<ImageEntry, 'sha256' | 'shape' | 'spacing' | 'affine' | 'orientation' | 'range'>;

/** Voxel sizes of a CT, mm, wide: what is beyond is a mistake of units. */
const SPACING_MM = { least: 0.05, most: 10 } as const;
/** Of all voxels. The largest cardiac CTs have 1024 × 1024 × 1000 voxels of two bytes. */
const MOST_BYTES = 2 ** 32;
/** No tissue, metal or padding value of a scanner is beyond, HU: it is what 16 bits hold. */
const MOST_HU = 2 ** 16;

/**
 * Reads a CT once, piece by piece, and says what it is. Refuses what cannot be a CT in HU, and only that: a
 * picture, a slice, one value throughout, no value below 0 HU (every scan of a chest has air and fat in it, so such
 * values are normalised, 8-bit, or lack the intercept of −1024).
 *
 * @param fileBytes size of the object
 * @throws BAD_IMAGE for the one who uploaded it; the source's own errors as they are
 */
export async function examineImage(source: AsyncIterable<Uint8Array>, fileBytes: number): Promise<ImageFacts> {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  let broken = 0;
  const { header, sha256 } = await scanNifti(source, fileBytes, {
    header: checkHeader,
    values: (stored) => {
      for (let i = 0; i < stored.length; i += 1) {
        const value = stored[i] as number;
        if (value < least) least = value;
        if (value > most) most = value;
        // NaN and the infinities are the values whose difference from themselves is not 0.
        if (value - value !== 0) broken += 1;
      }
    },
  });
  const { slope, intercept } = header.scaling;
  const ends = [slope * least + intercept, slope * most + intercept] as const;
  const range: [number, number] = [Math.min(...ends), Math.max(...ends)];
  checkValues(range, broken);
  return {
    sha256,
    shape: [...header.shape],
    spacing: [...spacingOf(header.affine)],
    affine: header.affine.map((row) => [...row]),
    orientation: orientationOf(header.affine),
    range,
  };
}

function checkHeader({ shape, pixdim, affine, dataBytes }: NiftiHeader): void {
  if (shape.some((side) => side < 2)) {
    throw new FedcardioError('BAD_IMAGE', `It is a single slice (${shape.join('×')}), not a volume.`, {
      hint: 'Upload the whole series as one 3D volume.',
    });
  }
  // Programs differ in whether they believe this or the affine: a file in which it is wrong means different things.
  if (!pixdim.every((size) => Number.isFinite(size) && size > 0)) {
    throw new FedcardioError('BAD_IMAGE', spacingReason(pixdim), {
      hint: 'The spacing got lost: export the volume from its DICOM series again.',
    });
  }
  const spacing = spacingOf(affine);
  if (spacing.some((size) => size < SPACING_MM.least || size > SPACING_MM.most)) {
    const text = spacing.map((size) => Number(size.toPrecision(3))).join(' × ');
    throw new FedcardioError('BAD_IMAGE', `Its voxels measure ${text} mm, which no CT scanner makes.`, {
      hint: 'Lengths must be in mm: export the volume from its DICOM series again.',
    });
  }
  if (dataBytes > MOST_BYTES) {
    throw new FedcardioError('BAD_IMAGE', `It is too large: ${shape.join('×')} voxels, ${dataBytes} bytes.`, {
      hint: 'Upload one heart phase of the chest as 16-bit integers.',
    });
  }
}

function checkValues([least, most]: readonly [number, number], broken: number): void {
  if (broken > 0) {
    throw new FedcardioError('BAD_IMAGE', `${broken} of its voxels hold no number (NaN or infinite).`, {
      hint: 'Export the volume as 16-bit integers in HU.',
    });
  }
  if (least === most) {
    throw new FedcardioError('BAD_IMAGE', `It is empty: every voxel has the value ${least}.`, {
      hint: 'Check that the right series was exported.',
    });
  }
  const range = `from ${Number(least.toPrecision(6))} to ${Number(most.toPrecision(6))}`;
  if (least >= 0) {
    throw new FedcardioError('BAD_IMAGE', `Its values, ${range}, are not HU: air and fat are below 0 HU.`, {
      hint: 'Export the CT in Hounsfield units, neither normalised nor as a greyscale picture, rescale intercept applied.',
    });
  }
  if (least < -MOST_HU || most > MOST_HU) {
    throw new FedcardioError('BAD_IMAGE', `Its values, ${range}, are not HU.`, {
      hint: 'Export the CT in Hounsfield units.',
    });
  }
}
