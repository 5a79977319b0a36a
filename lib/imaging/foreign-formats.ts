import { FedcardioError } from '../error.ts';

/** What to do with a DICOM series: the one place that says so. */
export const CONVERT_DICOM =
  'Convert the series to one NIfTI file with `npx fedcardio site import`, dcm2niix or 3D Slicer, and upload that as image.nii.gz.';
const EXPORT_NIFTI = 'Export the whole series as NIfTI (.nii.gz), for example from 3D Slicer or with dcm2niix.';
const EXPORT_SEGMENTATION =
  "Export the segmentation with the CT as its reference volume as NIfTI, for example from 3D Slicer, so that it lies on the CT's own voxels.";
const SAVE_MARKUPS = 'Open it in 3D Slicer, and save the points as markups in the format .mrk.json.';
const UNPACK =
  'Unpack it. A DICOM series in it is converted with `fedcardio site import`, dcm2niix or 3D Slicer before it is uploaded.';

/** A well-known format that is uploaded instead of NIfTI. */
export interface ForeignFormat {
  readonly one: string;
  readonly many: string;
  readonly hint: string;
  /** Matches names of such files, in lower case. */
  readonly names?: RegExp;
  /** Bytes, or text, at a position of the file. */
  readonly magic?: readonly (readonly [at: number, bytes: readonly number[] | string])[];
}

const format = (
  one: string,
  many: string,
  names: RegExp | undefined,
  magic: ForeignFormat['magic'],
  hint = EXPORT_NIFTI,
): ForeignFormat => ({ one, many, hint, ...(names ? { names } : {}), ...(magic ? { magic } : {}) });

const DICOM: ForeignFormat = format(
  'a DICOM file',
  'DICOM files',
  /\.(dcm|dicom|ima|acr)(\.gz)?$|(^|\/)dicomdir$/,
  [
    [128, 'DICM'],
    // Without the preamble: the group of the file or of the identification, explicit or implicit.
    [0, [2, 0, 0, 0, 0x55, 0x4c]],
    [0, [8, 0, 0, 0, 4, 0, 0, 0]],
    [0, [8, 0, 5, 0]],
    [0, [8, 0, 8, 0]],
    [0, [8, 0, 0x16, 0]],
  ],
  CONVERT_DICOM,
);

/** DICOM slices from a disc or an archive: IM0001, I10, CT.1.2.840.113619.2 or a UID alone. */
const NO_EXTENSION: ForeignFormat = format(
  'a file without an extension, as DICOM slices are',
  'files without an extension, as DICOM slices are',
  /(^|\/)([^/.]+|([a-z]{2,3}\.)?\d+(\.\d+)+)$/,
  undefined,
  CONVERT_DICOM,
);

const FORMATS: readonly ForeignFormat[] = [
  DICOM,
  format('a PNG picture', 'PNG pictures', /\.png$/, [[0, [0x89, 0x50, 0x4e, 0x47]]]),
  format('a JPEG picture', 'JPEG pictures', /\.jpe?g$/, [[0, [0xff, 0xd8, 0xff]]]),
  format('a GIF picture', 'GIF pictures', /\.gif$/, [[0, 'GIF8']]),
  format('a TIFF picture', 'TIFF pictures', /\.tiff?$/, [
    [0, [0x49, 0x49, 0x2a, 0]],
    [0, [0x4d, 0x4d, 0, 0x2a]],
  ]),
  format('a BMP picture', 'BMP pictures', /\.bmp$/, undefined),
  format('a PDF document', 'PDF documents', /\.pdf$/, [[0, '%PDF']]),
  format('a ZIP archive', 'ZIP archives', /\.zip$/, [[0, [0x50, 0x4b, 3, 4]]], UNPACK),
  format('a 7-Zip archive', '7-Zip archives', /\.7z$/, [[0, [0x37, 0x7a, 0xbc, 0xaf]]], UNPACK),
  format('a RAR archive', 'RAR archives', /\.rar$/, [[0, 'Rar!']], UNPACK),
  format('a tar archive', 'tar archives', /\.(tar|tgz)(\.\w+)?$/, [[257, 'ustar']], UNPACK),
  format('an NRRD volume', 'NRRD volumes', /\.(nrrd|nhdr)$/, [[0, 'NRRD']]),
  format('a MetaImage volume', 'parts of MetaImage volumes', /\.(mha|mhd|z?raw)$/, [
    [0, 'ObjectType'],
    [0, 'NDims'],
  ]),
  format('half of an Analyze volume', 'parts of Analyze volumes', /\.(hdr|img)(\.gz)?$/, undefined),
  format('an MGH volume', 'MGH volumes', /\.mg[hz]$/, undefined),
  format('an HDF5 file', 'HDF5 files', /\.(h5|hdf5|mnc)$/, [[0, [0x89, 0x48, 0x44, 0x46]]]),
  format('a NumPy array', 'NumPy arrays', /\.np[yz]$/, [[0, [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]]]),
  format('a VTK file', 'VTK files', /\.(vt[kip]|stl)$/, [[0, '# vtk']]),
  format(
    'a list of points of an older 3D Slicer (.fcsv)',
    'lists of points of an older 3D Slicer (.fcsv)',
    /\.fcsv$/,
    [
      [0, '# Markups fiducial file'],
      [0, '# Fiducial List file'],
    ],
    SAVE_MARKUPS,
  ),
  NO_EXTENSION,
];

/** Kinds of DICOM objects by their SOP class. */
const SOP_CLASSES: Readonly<Record<string, readonly [what: string, hint?: string]>> = {
  '1.2.840.10008.1.3.10': ['the index of a DICOM disc (DICOMDIR)'],
  '1.2.840.10008.5.1.4.1.1.2': ['a single DICOM slice'],
  '1.2.840.10008.5.1.4.1.1.2.1': ['a DICOM file of several frames (Enhanced CT)'],
  '1.2.840.10008.5.1.4.1.1.2.2': ['a DICOM file of several frames (Legacy Converted Enhanced CT)'],
  '1.2.840.10008.5.1.4.1.1.66.4': ['a DICOM segmentation (SEG)', EXPORT_SEGMENTATION],
  '1.2.840.10008.5.1.4.1.1.481.3': ['a set of DICOM contours (RTSTRUCT)', EXPORT_SEGMENTATION],
};

const startsWith = (bytes: Uint8Array, at: number, magic: readonly number[] | string): boolean =>
  [...magic].every((part, index) => bytes[at + index] === (typeof part === 'string' ? part.charCodeAt(0) : part));

export const isGzip = (bytes: Uint8Array): boolean => startsWith(bytes, 0, [0x1f, 0x8b]);

/** The foreign format that a file's name tells, and what to do with a file of it among the labels of a case. */
export function foreignFormatOf(name: string, isLabel: boolean): ForeignFormat | undefined {
  const lower = name.toLowerCase();
  const found = FORMATS.find(({ names }) => names?.test(lower));
  return found && isLabel && found.hint !== SAVE_MARKUPS ? { ...found, hint: EXPORT_SEGMENTATION } : found;
}

/**
 * Recognises a well-known format that was uploaded instead of NIfTI. Does nothing for unknown formats.
 *
 * @param first the first bytes of the file, 500 or all there are
 * @throws BAD_IMAGE that names the format
 */
export function rejectForeignFormat(first: Uint8Array): void {
  if (first.length === 0) {
    throw new FedcardioError('BAD_IMAGE', 'It is empty (0 bytes).', { hint: 'Upload the file again.' });
  }
  const found = FORMATS.find(({ magic }) => magic?.some(([at, bytes]) => startsWith(first, at, bytes)));
  if (!found) return;
  const [what, hint] = (found === DICOM && SOP_CLASSES[sopClassOf(first)]) || [found.one];
  throw new FedcardioError('BAD_IMAGE', `It is ${what}, not a NIfTI volume.`, { hint: hint ?? found.hint });
}

/** Media Storage SOP Class UID (0002,0002) of a DICOM file, or an empty string. */
function sopClassOf(first: Uint8Array): string {
  const text = Buffer.from(first.buffer, first.byteOffset, first.byteLength).toString('latin1');
  const at = text.indexOf('\u0002\0\u0002\0UI');
  return at < 0 ? '' : (/^[\d.]*/.exec(text.slice(at + 8))?.[0] ?? '');
}
