/** The free texts of a NIfTI header, by the field's name in the standard. Empty ones are left out. */
export interface HeaderTexts {
  readonly texts: Readonly<Record<string, string>>;
  /** Whether extensions follow the header, which may hold a whole DICOM header. */
  readonly hasExtensions: boolean;
}

type Field = readonly [name: string, at: number, bytes: number];

const NIFTI1: readonly Field[] = [
  ['data_type', 4, 10],
  ['db_name', 14, 18],
  ['descrip', 148, 80],
  ['aux_file', 228, 24],
  ['intent_name', 328, 16],
];
const NIFTI2: readonly Field[] = [
  ['descrip', 240, 80],
  ['aux_file', 320, 24],
  ['intent_name', 508, 16],
];

/**
 * Reads the texts of a NIfTI-1 or NIfTI-2 header.
 *
 * @param first the first bytes of the gunzipped file, 544 or all there are
 * @returns undefined if it is not NIfTI
 */
export function headerTexts(first: Uint8Array): HeaderTexts | undefined {
  const bytes = Buffer.from(first.buffer, first.byteOffset, first.byteLength);
  const magic = (at: number) => bytes.toString('latin1', at, at + 3);
  const [fields, end] = magic(344) === 'n+1' ? [NIFTI1, 348] : magic(4) === 'n+2' ? [NIFTI2, 540] : [undefined, 0];
  if (!fields) return undefined;
  const texts = fields.flatMap(([name, at, length]) => {
    const [text = ''] = bytes.toString('utf8', at, at + length).split('\0');
    return text.trim() === '' ? [] : [[name, text.trim()] as const];
  });
  return { texts: Object.fromEntries(texts), hasExtensions: (bytes[end] ?? 0) !== 0 };
}
