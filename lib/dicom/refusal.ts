import { FedcardioError } from '../error.ts';

/** Why a series is refused: a sentence for a radiographer, and what to do. */
export const refusal = (reason: string, hint: string): FedcardioError =>
  new FedcardioError('BAD_IMAGE', reason, { hint });

export const EXPORT_AGAIN =
  'Export the series from the PACS again as original DICOM images, without conversion or anonymisation on the way.';

/** A decoder that crashed. */
export const UNREADABLE: FedcardioError = refusal(
  'Its images could not be decoded: a file is damaged, or its compression is unusual.',
  'Export the series again, uncompressed (Explicit VR Little Endian).',
);

/** A file that ends before its image does. */
export const CUT_OFF: FedcardioError = refusal(
  'At least one of its files is cut off: the image ends too early.',
  'The export or the copy was interrupted, or the disk was full. Export the series again.',
);
