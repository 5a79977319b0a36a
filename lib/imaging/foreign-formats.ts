import { FedcardioError } from '../error.ts';

const FORMATS: readonly { readonly name: string; readonly at: number; readonly magic: readonly number[] }[] = [
  { name: 'a PNG picture', at: 0, magic: [0x89, 0x50, 0x4e, 0x47] },
  { name: 'a JPEG picture', at: 0, magic: [0xff, 0xd8, 0xff] },
  { name: 'a GIF picture', at: 0, magic: [0x47, 0x49, 0x46, 0x38] },
  { name: 'a PDF document', at: 0, magic: [0x25, 0x50, 0x44, 0x46] },
  { name: 'a ZIP archive', at: 0, magic: [0x50, 0x4b, 0x03, 0x04] },
  { name: 'an NRRD volume', at: 0, magic: [0x4e, 0x52, 0x52, 0x44] },
  { name: 'a single DICOM slice', at: 128, magic: [0x44, 0x49, 0x43, 0x4d] },
  { name: 'a tar archive', at: 257, magic: [0x75, 0x73, 0x74, 0x61, 0x72] },
];

const startsWith = (bytes: Uint8Array, at: number, magic: readonly number[]): boolean =>
  magic.every((byte, index) => bytes[at + index] === byte);

export const isGzip = (bytes: Uint8Array): boolean => startsWith(bytes, 0, [0x1f, 0x8b]);

/**
 * Recognises a well-known format that was uploaded instead of NIfTI. Does nothing for unknown formats.
 *
 * @param first the first bytes of the file, 300 or all there are
 * @throws BAD_IMAGE that names the format
 */
export function rejectForeignFormat(first: Uint8Array): void {
  if (first.length === 0) {
    throw new FedcardioError('BAD_IMAGE', 'It is empty (0 bytes).', { hint: 'Upload the file again.' });
  }
  const format = FORMATS.find(({ at, magic }) => startsWith(first, at, magic));
  if (format) {
    throw new FedcardioError('BAD_IMAGE', `It is ${format.name}, not a NIfTI volume.`, {
      hint: 'Export the whole series as NIfTI (.nii.gz), for example from 3D Slicer or with dcm2niix.',
    });
  }
}
