import { gunzipSync, inflateRawSync } from 'node:zlib';

/** A trace of an input, which must be found nowhere else: a text, or a run of voxels. */
export type Mark =
  | { readonly name: string; readonly text: string }
  | {
      readonly name: string;
      /** HU of neighbouring voxels, unlike any others. */
      readonly voxels: readonly number[];
      /** From HU to what a network sees. */
      readonly normalised: (hu: number) => number;
    };

/** A byte sequence that a mark becomes in an encoding. */
export interface Needle {
  readonly mark: string;
  readonly encoding: string;
  readonly bytes: Buffer;
}

/** Every encoding in which a mark is searched for. Gzip is inflated before. */
export function needlesOf(mark: Mark): readonly Needle[] {
  const raw: readonly (readonly [string, Buffer])[] =
    'text' in mark
      ? [
          ['utf-8', Buffer.from(mark.text)],
          ['utf-16le', Buffer.from(mark.text, 'utf16le')],
          ['utf-16be', Buffer.from(mark.text, 'utf16le').swap16()],
        ]
      : [
          ['int16le', bytesOf(mark.voxels, 2, (view, at, value) => view.setInt16(at, value, true))],
          ['int16be', bytesOf(mark.voxels, 2, (view, at, value) => view.setInt16(at, value, false))],
          ['float32le', bytesOf(mark.voxels, 4, (view, at, value) => view.setFloat32(at, value, true))],
          [
            'normalised float32le',
            bytesOf(mark.voxels.map(mark.normalised), 4, (view, at, value) => view.setFloat32(at, value, true)),
          ],
        ];
  return raw.flatMap(([encoding, bytes]) =>
    [[encoding, bytes] as const, ...hexOf(encoding, bytes), ...base64Of(encoding, bytes)].map(([name, found]) => ({
      mark: mark.name,
      encoding: name,
      bytes: found,
    })),
  );
}

function bytesOf(
  values: readonly number[],
  width: number,
  set: (view: DataView, at: number, value: number) => void,
): Buffer {
  const bytes = new Uint8Array(values.length * width);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) set(view, index * width, value);
  return Buffer.from(bytes);
}

const hexOf = (encoding: string, bytes: Buffer) => {
  const hex = bytes.toString('hex');
  return [
    [`${encoding}, hex`, Buffer.from(hex)],
    [`${encoding}, upper-case hex`, Buffer.from(hex.toUpperCase())],
  ] as const;
};

/** The characters that only depend on the mark, for each place of it in a group of three bytes; both alphabets. */
const base64Of = (encoding: string, bytes: Buffer) =>
  [0, 1, 2].flatMap((offset) => {
    const whole = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const first = offset === 0 ? 0 : offset + 1;
    const last = whole.length - ((offset + bytes.length) % 3 === 0 ? 0 : 1);
    const text = whole.slice(first, last);
    return [
      [`${encoding}, base64 at ${offset}`, Buffer.from(text)],
      [`${encoding}, base64url at ${offset}`, Buffer.from(text.replaceAll('+', '-').replaceAll('/', '_'))],
    ] as const;
  });

/** Most bytes that one gzip member may inflate to. */
const MAX_INFLATED = 64 * 1024 * 1024;
const GZIP = Buffer.from([0x1f, 0x8b, 0x08]);

/** Names of the marks in some bytes, with the encoding, also in gzip members and in those within them. */
export function marksIn(bytes: Uint8Array, needles: readonly Needle[], depth = 2): readonly string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const found = needles
    .filter((needle) => buffer.includes(needle.bytes))
    .map(({ mark, encoding }) => `${mark} (${encoding})`);
  if (depth === 0) return found;
  for (let at = buffer.indexOf(GZIP); at >= 0; at = buffer.indexOf(GZIP, at + 1)) {
    const inflated = inflate(buffer.subarray(at));
    if (inflated) found.push(...marksIn(inflated, needles, depth - 1).map((name) => `${name}, gzip`));
  }
  return found;
}

/** A gzip member at the start of some bytes, whatever follows; undefined if it is none. */
function inflate(bytes: Buffer): Buffer | undefined {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_INFLATED });
  } catch {
    // Bytes after the member, which gunzip refuses: a header without optional fields has ten.
    if (bytes[3] !== 0) return undefined;
    try {
      return inflateRawSync(bytes.subarray(10), { maxOutputLength: MAX_INFLATED });
    } catch {
      return undefined;
    }
  }
}
