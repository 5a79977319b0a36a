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
