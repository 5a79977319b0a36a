import { inflateRawSync } from 'node:zlib';
import dicomParser, { type DataSet } from 'dicom-parser';
import { TAGS } from './tags.ts';
import { TRANSFER_SYNTAXES } from './transfer-syntax.ts';

/** Bytes that tell whether a file is DICOM. */
export const MAGIC_BYTES = 132;

/** A deflated file may not grow beyond this, bytes: 16 slices of 2048² voxels. */
const MAX_INFLATED_BYTES = 128 * 1024 * 1024;

/** How a file starts: with the preamble, with its meta header, or with its data set, of some transfer syntax. */
export type Start = 'preamble' | 'meta' | string;

/** How a DICOM file starts; undefined for any other file. Old archives leave out the preamble, some the meta header too. */
export function startOf(first: Uint8Array): Start | undefined {
  const text = (at: number, length: number) => Buffer.from(first.subarray(at, at + length)).toString('latin1');
  if (text(128, 4) === 'DICM') return 'preamble';
  const explicit = /^[A-Z]{2}$/.test(text(4, 2));
  const [group, swapped] = first.length < 8 ? [0, 0] : [word(first, 0), word(first, 1)];
  if (group === 2 && explicit) return 'meta';
  // The first element of a data set is the group's length or an identification below (0008,0020).
  if (group === 8 && first[3] === 0 && (first[2] ?? 0xff) <= 0x20) {
    if (explicit) return TRANSFER_SYNTAXES.explicit;
    return Buffer.from(first).readUInt32LE(4) <= 1024 ? TRANSFER_SYNTAXES.implicit : undefined;
  }
  return swapped === 8 && first[2] === 0 && explicit ? TRANSFER_SYNTAXES.bigEndian : undefined;
}

const word = (bytes: Uint8Array, first: 0 | 1): number => ((bytes[1 - first] ?? 0) << 8) | (bytes[first] ?? 0);

export interface Parsed {
  readonly dataSet: DataSet;
  readonly transferSyntax: string;
  /** Whether the file ends too early or is damaged; the data set has what comes before. */
  readonly isDamaged: boolean;
}

/**
 * Parses a DICOM file up to its voxels: the data set has where they begin, and nothing of what comes behind them.
 *
 * @param bytes the file, or its beginning
 * @returns undefined if `bytes` end too early, or are damaged, before they say which series they belong to
 */
export function parseFile(bytes: Uint8Array, start: Start): Parsed | undefined {
  const raw = start !== 'preamble' && start !== 'meta';
  const whole = start === 'meta' ? Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), bytes]) : bytes;
  const options = {
    ...(raw ? { TransferSyntaxUID: start } : {}),
    untilTag: TAGS.pixels,
    inflater: inflated as unknown as () => void,
  };
  const parsed = (dataSet: DataSet, isDamaged: boolean): Parsed => {
    const transferSyntax = raw ? start : (dataSet.string(TAGS.transferSyntax)?.trim() ?? '');
    return { dataSet, transferSyntax, isDamaged };
  };
  try {
    return parsed(dicomParser.parseDicom(whole, options), false);
  } catch (error) {
    // dicom-parser throws texts, objects with the data set so far, and RangeErrors for sequences that are nested too deeply.
    const { dataSet } = Object(error) as { readonly dataSet?: DataSet };
    return dataSet && TAGS.series in dataSet.elements ? parsed(dataSet, true) : undefined;
  }
}

/** The file with its data set inflated. `position` is the end of the meta header. */
function inflated(bytes: Uint8Array, position: number): Uint8Array {
  const body = inflateRawSync(bytes.subarray(position), { maxOutputLength: MAX_INFLATED_BYTES });
  return Buffer.concat([bytes.subarray(0, position), body]);
}
