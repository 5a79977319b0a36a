import type { DataSet } from 'dicom-parser';
import { CUT_OFF, EXPORT_AGAIN, refusal } from './refusal.ts';
import { TAGS } from './tags.ts';
import { isJpeg, isNative, TRANSFER_SYNTAXES } from './transfer-syntax.ts';

/** The voxels of one image: as numbers, or as a compressed frame. */
export type Frame =
  | { readonly kind: 'values'; readonly values: Int16Array | Uint16Array }
  | { readonly kind: 'compressed'; readonly transferSyntax: string; readonly bytes: Uint8Array };

/** How the numbers of an image are stored. */
export interface PixelFormat {
  readonly voxels: number;
  readonly bitsStored: number;
  readonly signed: boolean;
}

/**
 * The voxels of a file. Uncompressed and RLE voxels come as numbers, whose unused bits are cleared: old systems kept overlays
 * there. Nothing behind the voxels is read: some archives append bytes that are no DICOM.
 *
 * @throws BAD_IMAGE if the frame is cut off or damaged, as far as can be told without decoding JPEG
 */
export function frameOf(dataSet: DataSet, transferSyntax: string, format: PixelFormat): Frame {
  const element = dataSet.elements[TAGS.pixels];
  if (!element) throw CUT_OFF;
  if (isNative(transferSyntax)) {
    const bytes = dataSet.byteArray.subarray(element.dataOffset, element.dataOffset + 2 * format.voxels);
    return valuesOf(bytes, format, transferSyntax === TRANSFER_SYNTAXES.bigEndian);
  }
  const { buffer, byteOffset, length } = dataSet.byteArray;
  const bytes = Buffer.concat(fragmentsOf(Buffer.from(buffer, byteOffset, length), element.dataOffset));
  if (transferSyntax === TRANSFER_SYNTAXES.rle) return valuesOf(unpackRle(bytes, format.voxels), format, true);
  if (isJpeg(transferSyntax) && !endsWithMarker(bytes)) throw CUT_OFF;
  return { kind: 'compressed', transferSyntax, bytes };
}

/** Tag of an item, little-endian as in every compressed transfer syntax. Another tag ends the voxels. */
const ITEM = 0xe000fffe;

/**
 * The fragments of compressed voxels (PS3.5, A.4), without the table of offsets that comes before them.
 *
 * @param at where the voxels begin
 * @throws BAD_IMAGE if a fragment is cut off
 */
function fragmentsOf(file: Buffer, at: number): readonly Uint8Array[] {
  const items: Uint8Array[] = [];
  for (let tag = at; tag + 8 <= file.length && file.readUInt32LE(tag) === ITEM; ) {
    const [start, length] = [tag + 8, file.readUInt32LE(tag + 4)];
    if (start + length > file.length) throw CUT_OFF;
    items.push(file.subarray(start, start + length));
    tag = start + length;
  }
  return items.slice(1);
}

function valuesOf(bytes: Uint8Array, { voxels, bitsStored, signed }: PixelFormat, bigEndian: boolean): Frame {
  if (bytes.length < 2 * voxels) throw CUT_OFF;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const unused = 16 - bitsStored;
  const values = signed ? new Int16Array(voxels) : new Uint16Array(voxels);
  for (let i = 0; i < voxels; i += 1) {
    // Shifted to the top and back, which fills the unused bits with zeros, or with the sign.
    const shifted = view.getUint16(2 * i, !bigEndian) << (16 + unused);
    values[i] = signed ? shifted >> (16 + unused) : shifted >>> (16 + unused);
  }
  return { kind: 'values', values };
}

/** JPEG, JPEG-LS and JPEG 2000 end with FF D9; zeros may fill the fragment. */
function endsWithMarker(bytes: Uint8Array): boolean {
  let end = bytes.length;
  while (end > 2 && bytes[end - 1] === 0) end -= 1;
  return bytes[end - 2] === 0xff && bytes[end - 1] === 0xd9;
}

/**
 * RLE of DICOM (PS3.5, annex G) for 16 bits: two PackBits segments, the high bytes first.
 *
 * @returns big-endian numbers
 */
function unpackRle(bytes: Buffer, voxels: number): Uint8Array {
  const result = new Uint8Array(2 * voxels);
  if (bytes.length < 64 || bytes.readUInt32LE(0) !== 2)
    throw refusal('One of its images is damaged (RLE).', EXPORT_AGAIN);
  const starts = [bytes.readUInt32LE(4), bytes.readUInt32LE(8), bytes.length] as const;
  for (const plane of [0, 1] as const) {
    let [at, done] = [starts[plane], 0];
    while (done < voxels && at < (plane === 0 ? starts[1] : starts[2])) {
      const control = bytes.readInt8(at);
      at += 1;
      if (control === -128) continue;
      const count = Math.min(control >= 0 ? control + 1 : 1 - control, voxels - done);
      for (let i = 0; i < count; i += 1) result[2 * (done + i) + plane] = bytes[control >= 0 ? at + i : at] ?? 0;
      at += control >= 0 ? control + 1 : 1;
      done += count;
    }
    if (done < voxels || at > bytes.length) throw CUT_OFF;
  }
  return result;
}
