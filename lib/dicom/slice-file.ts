import type { Vec3 } from '../imaging/volume.ts';
import type { Frame } from './frame.ts';
import { CT_IMAGE } from './kinds.ts';
import { TRANSFER_SYNTAXES } from './transfer-syntax.ts';

/** What a slice file says beside its voxels. Lengths in mm, axes LPS. */
export interface SliceFacts {
  /** From 0, in the order of the stack. */
  readonly index: number;
  readonly rows: number;
  readonly columns: number;
  readonly bitsStored: number;
  readonly signed: boolean;
  readonly position: Vec3;
  readonly row: Vec3;
  readonly column: Vec3;
  readonly spacing: readonly number[];
  readonly step: number;
}

/**
 * A DICOM file of one slice that holds its voxels, where it lies, and nothing else: dcm2niix sees no patient and no
 * private value, and none of the header values by which it would split or reorder a series. Values are not rescaled.
 */
export function sliceFile(facts: SliceFacts, frame: Frame): Uint8Array {
  const syntax = frame.kind === 'values' ? TRANSFER_SYNTAXES.explicit : frame.transferSyntax;
  const decimals = (values: readonly number[]) => values.map(decimal).join('\\');
  const meta = [
    element(0x0002, 0x0001, 'OB', Buffer.from([0, 1])),
    element(0x0002, 0x0002, 'UI', CT_IMAGE),
    element(0x0002, 0x0003, 'UI', `2.25.1${facts.index}`),
    element(0x0002, 0x0010, 'UI', syntax),
    element(0x0002, 0x0012, 'UI', '2.25.2'),
  ];
  const length = meta.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return Buffer.concat([
    Buffer.alloc(128),
    Buffer.from('DICM'),
    element(0x0002, 0x0000, 'UL', longs(length)),
    ...meta,
    element(0x0008, 0x0008, 'CS', 'ORIGINAL\\PRIMARY\\AXIAL'),
    element(0x0008, 0x0016, 'UI', CT_IMAGE),
    element(0x0008, 0x0018, 'UI', `2.25.1${facts.index}`),
    element(0x0008, 0x0060, 'CS', 'CT'),
    element(0x0018, 0x0050, 'DS', decimal(facts.step)),
    element(0x0018, 0x0088, 'DS', decimal(facts.step)),
    element(0x0018, 0x1030, 'LO', 'CT'),
    element(0x0018, 0x5100, 'CS', 'HFS'),
    element(0x0020, 0x000d, 'UI', '2.25.3'),
    element(0x0020, 0x000e, 'UI', '2.25.4'),
    element(0x0020, 0x0011, 'IS', '1'),
    element(0x0020, 0x0013, 'IS', String(facts.index + 1)),
    element(0x0020, 0x0032, 'DS', decimals(facts.position)),
    element(0x0020, 0x0037, 'DS', decimals([...facts.row, ...facts.column])),
    element(0x0028, 0x0002, 'US', shorts(1)),
    element(0x0028, 0x0004, 'CS', 'MONOCHROME2'),
    element(0x0028, 0x0010, 'US', shorts(facts.rows)),
    element(0x0028, 0x0011, 'US', shorts(facts.columns)),
    element(0x0028, 0x0030, 'DS', decimals(facts.spacing)),
    element(0x0028, 0x0100, 'US', shorts(16)),
    element(0x0028, 0x0101, 'US', shorts(facts.bitsStored)),
    element(0x0028, 0x0102, 'US', shorts(facts.bitsStored - 1)),
    element(0x0028, 0x0103, 'US', shorts(facts.signed ? 1 : 0)),
    pixelElement(frame),
  ]);
}

const shorts = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
};

const longs = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/** A number in at most 16 characters, as DICOM's decimal strings have. */
function decimal(value: number): string {
  for (let digits = 13; digits > 0; digits -= 1) {
    const text = value.toFixed(digits);
    if (text.length <= 16) return text;
  }
  return value.toFixed(0);
}

/** An explicit little-endian element, padded to an even length. */
function element(group: number, number: number, vr: string, value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
  const padding = Buffer.alloc(bytes.length % 2, vr === 'UI' || vr === 'OB' ? 0 : ' ');
  const tag = Buffer.concat([shorts(group), shorts(number), Buffer.from(vr)]);
  const length = bytes.length + padding.length;
  const size = LONG_VRS.includes(vr) ? Buffer.concat([Buffer.alloc(2), longs(length)]) : shorts(length);
  return Buffer.concat([tag, size, bytes, padding]);
}

const LONG_VRS: readonly string[] = ['OB', 'OW'];

function pixelElement(frame: Frame): Buffer {
  if (frame.kind === 'values') {
    const { values } = frame;
    return element(0x7fe0, 0x0010, 'OW', Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  }
  const item = (number: number, bytes: Uint8Array) =>
    Buffer.concat([
      shorts(0xfffe),
      shorts(number),
      longs(bytes.length + (bytes.length % 2)),
      bytes,
      Buffer.alloc(bytes.length % 2),
    ]);
  const start = Buffer.concat([shorts(0x7fe0), shorts(0x0010), Buffer.from('OB\0\0'), longs(0xffffffff)]);
  return Buffer.concat([
    start,
    item(0xe000, new Uint8Array()),
    item(0xe000, frame.bytes),
    item(0xe0dd, new Uint8Array()),
  ]);
}
