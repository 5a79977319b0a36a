import { FedcardioError } from '../error.ts';
import type { ImageEntry } from '../federation/schemas.ts';
import { spacingOf } from '../imaging/affine.ts';
import { createHistogram } from '../imaging/histogram.ts';
import type { NiftiHeader } from '../imaging/nifti-header.ts';
import { scanNifti } from '../imaging/nifti-scan.ts';
import { orientationOf } from '../imaging/orientation.ts';
import { checkHounsfield } from './hounsfield.ts';
import { type IdentityObserver, observeIdentity } from './identity.ts';

/** The fields of a catalog entry that come from the image file. */
export type ImageFacts = Omit<ImageEntry, 'key' | 'etag' | 'bytes'>;

/** Accepted voxel sizes, mm. The limits are wide: other values mean wrong units, or missing slices. */
const SPACING_MM = { min: 0.05, max: 10 } as const;

/**
 * Reads a CT once, chunk by chunk. Refuses only files that cannot be a CT in HU: other formats, a single slice, voxels
 * of impossible size, and values that are not distributed as a CT's ({@link checkHounsfield}).
 *
 * @param fileBytes size of the object
 * @throws BAD_IMAGE with a reason for the uploader; errors of `source` unchanged
 */
export async function examineImage(source: AsyncIterable<Uint8Array>, fileBytes: number): Promise<ImageFacts> {
  const histogram = createHistogram();
  let identity: IdentityObserver | undefined;
  const { header, sha256 } = await scanNifti(source, fileBytes, {
    header: (found) => {
      checkHeader(found);
      identity = observeIdentity(found);
    },
    values: (stored, { scaling }) => {
      identity?.take(stored);
      histogram.add(stored, scaling);
    },
  });
  checkHounsfield(histogram);
  return {
    sha256,
    ...identity?.result(),
    shape: [...header.shape],
    spacing: [...spacingOf(header.affine)],
    affine: header.affine.map((row) => [...row]),
    orientation: orientationOf(header.affine),
    range: [histogram.min, histogram.max],
  };
}

function checkHeader({ shape, affine, unit }: NiftiHeader): void {
  if (shape.some((side) => side < 2)) {
    throw new FedcardioError('BAD_IMAGE', `It is a single slice (${shape.join('×')}), not a volume.`, {
      hint: 'Upload the whole series as one 3D volume.',
    });
  }
  const spacing = spacingOf(affine);
  const wrong = spacing.filter((size) => size < SPACING_MM.min || size > SPACING_MM.max);
  if (wrong.length === 0) return;
  const [size, ...more] = wrong.map(rounded);
  const limits = `${SPACING_MM.min} to ${SPACING_MM.max} mm`;
  if (more.length === 0) {
    const reason = `Its slices are ${size} mm apart (voxels of ${spacing.map(rounded).join(' × ')} mm); a CT has ${limits}.`;
    throw new FedcardioError('BAD_IMAGE', reason, {
      hint: 'Slices are missing, or their distance is wrong: check that the series is complete, and export it from DICOM again.',
    });
  }
  const reason = `Its voxel size is ${spacing.map(rounded).join(' × ')} mm by a header in ${unit}; a CT has ${limits}.`;
  throw new FedcardioError('BAD_IMAGE', reason, {
    hint: 'Lengths must be in mm, or in the unit that the header names: export the volume from its DICOM series again.',
  });
}

const rounded = (mm: number): number => Number(mm.toPrecision(3));
