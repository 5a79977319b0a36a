/** UIDs of the transfer syntaxes that need their own treatment. */
export const TRANSFER_SYNTAXES = {
  implicit: '1.2.840.10008.1.2',
  explicit: '1.2.840.10008.1.2.1',
  deflated: '1.2.840.10008.1.2.1.99',
  bigEndian: '1.2.840.10008.1.2.2',
  rle: '1.2.840.10008.1.2.5',
} as const;

const NATIVE: readonly string[] = [
  TRANSFER_SYNTAXES.implicit,
  TRANSFER_SYNTAXES.explicit,
  TRANSFER_SYNTAXES.deflated,
  TRANSFER_SYNTAXES.bigEndian,
];

/** Whether voxels are stored one after the other, without compression. */
export const isNative = (uid: string): boolean => NATIVE.includes(uid);

/** Compressions that are decoded. */
const DECODED: Readonly<Record<string, string>> = {
  [TRANSFER_SYNTAXES.rle]: 'RLE',
  '1.2.840.10008.1.2.4.57': 'JPEG lossless',
  '1.2.840.10008.1.2.4.70': 'JPEG lossless',
  '1.2.840.10008.1.2.4.80': 'JPEG-LS',
  '1.2.840.10008.1.2.4.81': 'JPEG-LS',
  '1.2.840.10008.1.2.4.90': 'JPEG 2000',
  '1.2.840.10008.1.2.4.91': 'JPEG 2000',
};

export const isRead = (uid: string): boolean => isNative(uid) || Object.hasOwn(DECODED, uid);

/** Whether a frame ends with JPEG's end marker, which RLE has not. */
export const isJpeg = (uid: string): boolean => Object.hasOwn(DECODED, uid) && uid !== TRANSFER_SYNTAXES.rle;

/** Compressions that are refused, by name. */
const REFUSED: Readonly<Record<string, string>> = {
  '1.2.840.10008.1.2.4.50': 'lossy JPEG of 8 bits',
  '1.2.840.10008.1.2.4.51': 'lossy JPEG of 12 bits',
  '1.2.840.10008.1.2.4.92': 'JPEG 2000 of several components',
  '1.2.840.10008.1.2.4.93': 'JPEG 2000 of several components',
  '1.2.840.10008.1.2.4.94': 'JPIP, whose pixels lie on a server',
  '1.2.840.10008.1.2.4.95': 'JPIP, whose pixels lie on a server',
  '1.2.840.10008.1.2.4.110': 'JPEG XL',
  '1.2.840.10008.1.2.4.111': 'JPEG XL',
  '1.2.840.10008.1.2.4.112': 'JPEG XL',
  '1.2.840.10008.1.2.4.201': 'HTJ2K',
  '1.2.840.10008.1.2.4.202': 'HTJ2K',
  '1.2.840.10008.1.2.4.203': 'HTJ2K',
};

/** The name of a compression that is not read. */
export const refusedCompression = (uid: string): string =>
  (Object.hasOwn(REFUSED, uid) ? REFUSED[uid] : undefined) ??
  (uid.startsWith('1.2.840.10008.1.2.4.10') ? 'a video format' : 'an unknown transfer syntax');
