import type { DataSet } from 'dicom-parser';
import { TAGS } from './tags.ts';

/** What the header of one DICOM file says, by the allowlist of tags.ts. Lengths in mm, axes LPS as in DICOM. */
export interface DicomHeader {
  readonly transferSyntax: string;
  readonly sopClass: string;
  readonly instance: string;
  readonly imageType: readonly string[];
  readonly modality: string;
  readonly patient: string;
  readonly study: string;
  readonly series: string;
  readonly seriesNumber: number | undefined;
  readonly kernel: string;
  readonly thickness: number | undefined;
  /** Gantry tilt, degrees. */
  readonly tilt: number | undefined;
  /** Per cent of the RR interval. */
  readonly heartPhase: number | undefined;
  /** Centre of the first voxel. */
  readonly position: readonly number[] | undefined;
  /** Directions of a row and of a column: six cosines. */
  readonly orientation: readonly number[] | undefined;
  /** Distance of rows, then of columns. */
  readonly spacing: readonly number[] | undefined;
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly samples: number;
  readonly photometric: string;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
  readonly slope: number | undefined;
  readonly intercept: number | undefined;
  readonly rescaleType: string;
  /** Where the voxels are. `length` is undefined for compressed ones. Undefined if the file has none. */
  readonly pixels: { readonly offset: number; readonly length: number | undefined } | undefined;
}

/** The values of the allowlist. Numbers that cannot be parsed are undefined: whoever needs them says so. */
export function headerOf(dataSet: DataSet, transferSyntax: string): DicomHeader {
  const text = (tag: string) => dataSet.string(tag)?.trim() ?? '';
  const count = (tag: string, missing: number) =>
    lengthOf(dataSet, tag) < 2 ? missing : (dataSet.uint16(tag) ?? missing);
  const decimal = (tag: string) => decimals(text(tag), 1)?.[0];
  const bitsStored = count(TAGS.bitsStored, 0);
  const element = dataSet.elements[TAGS.pixels];
  return {
    transferSyntax,
    // The index of a disc names its class in the meta header alone.
    sopClass: text(TAGS.sopClass) || text(TAGS.mediaClass),
    instance: text(TAGS.instance),
    imageType: text(TAGS.imageType).toUpperCase().split('\\'),
    modality: text(TAGS.modality).toUpperCase(),
    patient: readablePatient(dataSet),
    study: text(TAGS.study),
    series: text(TAGS.series),
    seriesNumber: /^\d{1,9}$/.test(text(TAGS.seriesNumber)) ? Number(text(TAGS.seriesNumber)) : undefined,
    kernel: text(TAGS.kernel),
    thickness: decimal(TAGS.thickness),
    tilt: decimal(TAGS.tilt),
    heartPhase: lengthOf(dataSet, TAGS.heartPhase) === 4 ? dataSet.float(TAGS.heartPhase) : undefined,
    position: decimals(text(TAGS.position), 3),
    orientation: decimals(text(TAGS.orientation), 6),
    spacing: decimals(text(TAGS.spacing), 2),
    rows: count(TAGS.rows, 0),
    columns: count(TAGS.columns, 0),
    frames: decimal(TAGS.frames) ?? 1,
    samples: count(TAGS.samples, 1),
    photometric: text(TAGS.photometric).toUpperCase(),
    bitsAllocated: count(TAGS.bitsAllocated, 0),
    bitsStored,
    highBit: count(TAGS.highBit, bitsStored - 1),
    signed: count(TAGS.signed, 0) === 1,
    slope: decimal(TAGS.slope),
    intercept: decimal(TAGS.intercept),
    rescaleType: text(TAGS.rescaleType).toUpperCase(),
    pixels: element && { offset: element.dataOffset, length: element.hadUndefinedLength ? undefined : element.length },
  };
}

const lengthOf = (dataSet: DataSet, tag: string): number => dataSet.elements[tag]?.length ?? 0;

/** A decimal string of DICOM with so many values, all finite. */
function decimals(text: string, values: number): readonly number[] | undefined {
  const parts = text.split('\\').map((part) => part.trim());
  if (parts.length !== values || parts.some((part) => !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(part)))
    return undefined;
  const numbers = parts.map(Number);
  return numbers.every(Number.isFinite) ? numbers : undefined;
}

/** The patient's id, which may be in UTF-8; other character sets are read byte by byte, which keeps ids distinct. */
function readablePatient(dataSet: DataSet): string {
  const element = dataSet.elements[TAGS.patient];
  if (!element) return '';
  const bytes = dataSet.byteArray.subarray(element.dataOffset, element.dataOffset + element.length);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    text = Buffer.from(bytes).toString('latin1');
  }
  return text.replaceAll('\0', '').trim();
}
