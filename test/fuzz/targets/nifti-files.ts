import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { mutatedBytes } from '../byte-mutations.ts';

type Type = 'u8' | 'i16' | 'i32' | 'i64' | 'f32' | 'f64';
/** Offset in the header, type and number of values: nifti1.h and nifti2.h. */
type Field = readonly [offset: number, type: Type, count: number];

interface Format {
  readonly headerBytes: number;
  readonly magic: readonly [offset: number, text: string];
  readonly fields: Readonly<Record<string, Field>>;
}

const NIFTI1: Format = {
  headerBytes: 348,
  magic: [344, 'n+1\0'],
  fields: {
    size: [0, 'i32', 1],
    dim: [40, 'i16', 8],
    datatype: [70, 'i16', 1],
    bitpix: [72, 'i16', 1],
    pixdim: [76, 'f32', 8],
    voxOffset: [108, 'f32', 1],
    scaling: [112, 'f32', 2],
    units: [123, 'u8', 1],
    qformCode: [252, 'i16', 1],
    sformCode: [254, 'i16', 1],
    quatern: [256, 'f32', 3],
    qoffset: [268, 'f32', 3],
    srow: [280, 'f32', 12],
  },
};
const NIFTI2: Format = {
  headerBytes: 540,
  magic: [4, 'n+2\0\r\n\x1a\n'],
  fields: {
    size: [0, 'i32', 1],
    datatype: [12, 'i16', 1],
    bitpix: [14, 'i16', 1],
    dim: [16, 'i64', 8],
    pixdim: [104, 'f64', 8],
    voxOffset: [168, 'i64', 1],
    scaling: [176, 'f64', 2],
    qformCode: [344, 'i32', 1],
    sformCode: [348, 'i32', 1],
    quatern: [352, 'f64', 3],
    qoffset: [376, 'f64', 3],
    srow: [400, 'f64', 12],
    units: [500, 'i32', 1],
  },
};

/** Bytes of a voxel by NIfTI's code of its type. */
const VOXEL_BYTES: Readonly<Record<number, number>> = {
  ...{ 2: 1, 256: 1, 4: 2, 512: 2, 8: 4, 768: 4, 16: 4, 1024: 8, 1280: 8, 64: 8 },
  ...{ 1: 1, 32: 8, 128: 3, 1536: 16, 1792: 16, 2304: 4, 0: 1, 77: 1 },
};
const USUAL_TYPES = [4, 4, 4, 16, 512, 2, 8, 64];

const value = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(0, -0, 1, -1, 2, 3, 4, 7, 8, 0.5, -1.5, 1e-3, 11, 32767, -32768, 65536) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(Number.NaN, Infinity, -Infinity, 3.4e38, 1e-40, 1e300, 2 ** 31, 2 ** 40, -(2 ** 31)),
  },
  { weight: 1, arbitrary: fc.double({ min: -10, max: 10 }) },
  { weight: 1, arbitrary: fc.constantFrom(344, 348, 352, 353, 356, 540, 544, 600, 1024) },
);

interface Change {
  readonly field: string;
  readonly index: number;
  readonly value: number;
}

const change: fc.Arbitrary<Change> = fc.record({
  field: fc.constantFrom(...Object.keys(NIFTI1.fields)),
  index: fc.nat(11),
  value,
});

const usually = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });

/** A small volume whose header is right, with up to three values of its fields changed. */
const plainFile: fc.Arbitrary<Buffer> = fc
  .record({
    format: usually(NIFTI1, NIFTI2),
    littleEndian: usually(true, false),
    shape: fc.oneof(
      {
        weight: 9,
        arbitrary: fc.tuple(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 2, max: 6 }), usually(4, 1, 2, 3)),
      },
      // More than the first piece that a reader takes.
      { weight: 1, arbitrary: fc.constant([20, 20, 25] as [number, number, number]) },
    ),
    datatype: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...USUAL_TYPES) },
      { weight: 1, arbitrary: fc.constantFrom(...Object.keys(VOXEL_BYTES).map(Number)) },
    ),
    codes: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom([1, 1], [0, 1], [1, 0], [2, 3]) },
      { weight: 1, arbitrary: fc.constantFrom([0, 0], [-1, 1], [300, 0]) },
    ),
    spacing: fc.tuple(...[0, 1, 2].map(() => usually(0.75, 1, 3, 0.01, 40))),
    scaling: usually([1, 0], [0, 0], [1, -1024], [0.5, 3], [-1, 0], [Number.NaN, 0]),
    signs: fc.tuple(...[0, 1, 2].map(() => fc.constantFrom(1, -1))),
    magic: usually(undefined, 'ni1\0', 'n+2\0', 'n+1\0', '\0\0\0\0', 'x'),
    extension: usually(0, 16, 15, 64),
    changes: fc.oneof(fc.constant([]), fc.array(change, { minLength: 1, maxLength: 3 })),
    seed: fc.nat(1000),
    missing: usually(0, 1, 8, -1, -9),
  })
  .map(
    ({
      format,
      littleEndian,
      shape,
      datatype,
      codes,
      spacing,
      scaling,
      signs,
      magic,
      extension,
      changes,
      seed,
      missing,
    }) => {
      const dataOffset = format.headerBytes + 4 + extension;
      const bytes = shape.reduce((product, side) => product * side, VOXEL_BYTES[datatype] as number);
      const file = Buffer.alloc(Math.max(dataOffset, dataOffset + bytes - missing));
      const put = (field: string, values: readonly number[]) => {
        values.forEach((one, index) => {
          write(file, format, littleEndian, { field, index, value: one });
        });
      };
      put('size', [format.headerBytes]);
      put('dim', [3, ...shape, 1, 1, 1, 1]);
      put('datatype', [datatype]);
      const handedness = signs.reduce<number>((product, sign) => product * sign, 1);
      put('pixdim', [handedness, ...spacing]);
      put('voxOffset', [dataOffset]);
      put('scaling', scaling);
      put('units', [2]);
      put('qformCode', [codes[0] as number]);
      put('sformCode', [codes[1] as number]);
      // These signs are a rotation by 180° about the one axis that keeps its sign, or none, after z is mirrored or not.
      const turned = signs.map((sign, axis) => (axis === 2 ? sign * handedness : sign));
      put(
        'quatern',
        turned.map((sign) => (sign > 0 && turned.includes(-1) ? 1 : 0)),
      );
      put(
        'srow',
        [0, 1, 2].flatMap((row) =>
          [0, 1, 2, 3].map((column) => (column === row ? (signs[row] as number) * (spacing[row] as number) : 0)),
        ),
      );
      file.write(magic ?? format.magic[1], format.magic[0], 'latin1');
      if (extension > 0) file.writeUInt8(1, format.headerBytes);
      writeVoxels(file, dataOffset, datatype, littleEndian, seed);
      for (const one of changes) write(file, format, littleEndian, one);
      return file;
    },
  );

/** Air, soft tissue, contrast and bone in HU, with noise; unsigned types have 1024 more. Other types get bytes of any value. */
function writeVoxels(file: Buffer, start: number, datatype: number, littleEndian: boolean, seed: number): void {
  const types: Readonly<Record<number, Type>> = { 4: 'i16', 512: 'i16', 8: 'i32', 768: 'i32', 16: 'f32', 64: 'f64' };
  const type = types[datatype] ?? (datatype >= 1024 && datatype <= 1280 ? 'i64' : 'u8');
  const intercept = datatype === 512 || datatype === 768 || datatype === 1280 ? 1024 : 0;
  for (let i = 0, at = start; at + WIDTHS[type] <= file.length; i++, at += WIDTHS[type]) {
    const k = (i * 7919 + seed * 31) % 100;
    const noise = (Math.imul(i + seed, 0x9e3779b1) >>> 24) - 128;
    const hu = k < 40 ? noise / 8 - 1000 : k < 85 ? noise / 4 + 40 : k < 95 ? noise / 2 + 350 : noise + 900;
    writeNumber(file, at, type, hu + intercept, littleEndian);
  }
}

const WIDTHS: Readonly<Record<Type, number>> = { u8: 1, i16: 2, i32: 4, i64: 8, f32: 4, f64: 8 };

function write(file: Buffer, { fields }: Format, littleEndian: boolean, { field, index, value: number }: Change): void {
  const [offset, type, count] = fields[field] as Field;
  writeNumber(file, offset + (index % count) * WIDTHS[type], type, number, littleEndian);
}

function writeNumber(file: Buffer, at: number, type: Type, number: number, littleEndian: boolean): void {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (type === 'f32') view.setFloat32(at, number, littleEndian);
  else if (type === 'f64') view.setFloat64(at, number, littleEndian);
  else if (type === 'i64') view.setBigInt64(at, BigInt(Number.isFinite(number) ? Math.trunc(number) : 0), littleEndian);
  else if (type === 'i32') view.setInt32(at, number, littleEndian);
  else if (type === 'i16') view.setInt16(at, number, littleEndian);
  else view.setUint8(at, number);
}

const OTHER_FORMATS = [
  ...['', '\x1f', '\x1f\x8b', '\x1f\x8b\x08', '\x89PNG\r\n\x1a\n', 'NRRD0004', 'PK\x03\x04', `${'\0'.repeat(128)}DICM`],
  ...['ObjectType = Image', '# Markups fiducial file', '{"markups":[]}', '\xff\xd8\xff', `${'\0'.repeat(257)}ustar`],
].map((text) => Buffer.from(text, 'latin1'));

const zipped = plainFile.map((file) => gzipSync(file, { level: 1 }));

/** NIfTI files, gzipped or not, of both versions and byte orders, many of them damaged or wrong; and other formats. */
export const niftiFiles: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 6, arbitrary: plainFile },
  { weight: 4, arbitrary: zipped },
  { weight: 2, arbitrary: mutatedBytes(plainFile) },
  { weight: 2, arbitrary: mutatedBytes(zipped) },
  { weight: 1, arbitrary: mutatedBytes(plainFile).map((file) => gzipSync(file, { level: 1 })) },
  { weight: 1, arbitrary: fc.tuple(zipped, zipped).map((members) => Buffer.concat(members)) },
  { weight: 1, arbitrary: mutatedBytes(fc.constantFrom(...OTHER_FORMATS), 1) },
);
