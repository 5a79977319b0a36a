import { isSameOrientation, type PlacedHeader } from './geometry.ts';
import type { DicomHeader } from './header.ts';
import type { DicomFile } from './read-file.ts';
import { CUT_OFF, EXPORT_AGAIN, refusal } from './refusal.ts';
import { isRead, refusedCompression } from './transfer-syntax.ts';

export type PlacedFile = DicomFile & { readonly header: PlacedHeader };

/** Voxels of a slice: larger images are no CT. */
const MAX_SIDE = 4096;

type Rule = readonly [fails: (file: DicomFile) => boolean, reason: (header: DicomHeader) => string, hint: string];

const HOUNSFIELD_HINT = 'Export the original CT images, not pictures that were made from them.';

/** What every image of a CT volume needs; the first rule that fails names the series' fault. */
const RULES: readonly Rule[] = [
  // First, because what follows may be missing in a file that is cut off.
  [({ isCutOff }) => isCutOff, () => CUT_OFF.message, CUT_OFF.hint as string],
  [
    ({ header }) => header.frames > 1 || MULTI_FRAME.includes(header.sopClass),
    () => 'It is an enhanced multi-frame object: one file with all slices, which fedcardio does not read.',
    'Export it as single-frame CT images ("classic" or "non-enhanced" DICOM); most PACS and scanners have this choice.',
  ],
  [
    ({ header }) => !isRead(header.transferSyntax),
    ({ transferSyntax }) =>
      `Its images are compressed as ${refusedCompression(transferSyntax)}, which fedcardio does not read.`,
    'Export it uncompressed (Explicit VR Little Endian) or with lossless JPEG, JPEG-LS, JPEG 2000 or RLE.',
  ],
  [({ header }) => header.series === '', () => 'Its images do not say to which series they belong.', EXPORT_AGAIN],
  [({ header }) => header.pixels === undefined, () => 'Its files hold no image.', EXPORT_AGAIN],
  [
    ({ header }) => header.samples !== 1 || !header.photometric.startsWith('MONOCHROME'),
    () => 'Its images are not grey-scale.',
    HOUNSFIELD_HINT,
  ],
  [
    ({ header }) => header.bitsAllocated !== 16,
    ({ bitsAllocated }) => `Its images have ${bitsAllocated} bits per pixel, not the 16 bits of a CT.`,
    HOUNSFIELD_HINT,
  ],
  [
    ({ header: { bitsStored, highBit } }) => bitsStored < 2 || bitsStored > 16 || highBit !== bitsStored - 1,
    () => 'Its header contradicts itself about the bits of a pixel.',
    EXPORT_AGAIN,
  ],
  [
    ({ header: { rows, columns } }) => Math.min(rows, columns) < 2 || Math.max(rows, columns) > MAX_SIDE,
    ({ rows, columns }) => `Its images are said to have ${columns} × ${rows} pixels.`,
    EXPORT_AGAIN,
  ],
  [
    ({ header: { position, orientation } }) => position === undefined || orientation === undefined,
    () => 'Its slices do not say where they lie in the patient (position or orientation is missing).',
    EXPORT_AGAIN,
  ],
  [
    ({ header: { spacing } }) => spacing === undefined || !spacing.every((size) => size > 0 && size < 100),
    () => 'Its pixels have no size (the pixel spacing is missing or 0).',
    EXPORT_AGAIN,
  ],
  [
    ({ header: { rescaleType } }) => !HOUNSFIELD_TYPES.includes(rescaleType),
    () => 'Its values are not Hounsfield units, but for example a map of iodine or of effective atomic numbers.',
    'Export the conventional CT images, or a virtual monoenergetic series in HU.',
  ],
  [
    ({ header: { slope } }) => slope === 0,
    () => 'Its rescale slope is 0, so that all voxels would be equal.',
    EXPORT_AGAIN,
  ],
];

const MULTI_FRAME: readonly string[] = ['1.2.840.10008.5.1.4.1.1.2.1', '1.2.840.10008.5.1.4.1.1.2.2'];

/** US is "unspecified"; an empty type means HU for a CT. */
const HOUNSFIELD_TYPES: readonly string[] = ['', 'HU', 'US', 'HU_MOD'];

/**
 * Requires that every image can be decoded and placed.
 *
 * @throws BAD_IMAGE with the first reason
 */
export function requireUsable(files: readonly DicomFile[]): asserts files is readonly PlacedFile[] {
  for (const [fails, reason, hint] of RULES) {
    const found = files.find(fails);
    if (found) throw refusal(reason(found.header), hint);
  }
  const differ = (kindOf: (header: DicomHeader) => boolean) =>
    new Set(files.map(({ header }) => kindOf(header))).size > 1;
  if (differ(({ signed }) => signed)) {
    throw refusal('Some of its images store signed numbers, others unsigned ones.', EXPORT_AGAIN);
  }
  if (differ(({ intercept }) => intercept === undefined)) {
    throw refusal('Some of its images lack the rescale intercept, so that their values are not HU.', EXPORT_AGAIN);
  }
}

/** Whether two images can be of one volume: their planes, their size and the reconstruction are the same. */
export const isSameReconstruction = (a: PlacedHeader, b: PlacedHeader): boolean =>
  a.rows === b.rows &&
  a.columns === b.columns &&
  a.kernel === b.kernel &&
  a.spacing.every((size, index) => Math.abs(size / (b.spacing[index] as number) - 1) < 1e-3) &&
  isSameOrientation(a.orientation, b.orientation);
