import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { isFedcardioError } from '../error.ts';
import { HEADER_BYTES, parseHeader } from './nifti-header.ts';
import { readNifti } from './nifti-read.ts';
import { writeNifti } from './nifti-write.ts';
import { orientationOf } from './orientation.ts';

interface Reading {
  readonly name: string;
  readonly file: string;
  readonly shape: readonly number[];
  readonly affine: readonly (readonly number[])[];
  readonly orientation: string;
  readonly values: readonly string[];
  readonly integers: boolean;
}

const cases = JSON.parse(readFileSync('test/fixtures/imaging/reading.json', 'utf8')) as readonly Reading[];
const bytesOf = (file: string) => new Uint8Array(Buffer.from(file, 'base64'));

const INTEGERS = new Set(['Int8Array', 'Uint8Array', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array']);

/** Files that nibabel reads, but other programs read differently (decision 029). */
const isAmbiguous = ({ name }: Reading) => /neither form|a different qform/.test(name);

test.each(cases.filter(isAmbiguous))('refuses what nibabel alone reads so: $name', ({ file }) => {
  expect(() => readNifti(bytesOf(file))).toThrow(/holds no orientation|by its sform its voxels measure/);
});

describe("reads nibabel's other files as nibabel does", () => {
  test.each(cases.filter((reading) => !isAmbiguous(reading)))('$name', (expected) => {
    const volume = readNifti(bytesOf(expected.file));

    expect(volume.shape).toEqual(expected.shape);
    expected.affine.flat().forEach((value, i) => {
      expect(volume.affine.flat()[i]).toBeCloseTo(value, 5);
    });
    expect(orientationOf(volume.affine)).toBe(expected.orientation);
    const values = expected.values.map(Number);
    const exact = volume.data instanceof Float64Array || volume.header.scaling.slope === 1;
    expect([...volume.data]).toEqual(exact ? values : values.map(Math.fround));
    // 64-bit integers become float64: networks take no 64-bit integers.
    const wide = volume.header.type.endsWith('int64');
    expect(INTEGERS.has(volume.data.constructor.name)).toBe(expected.integers && !wide);
  });
});

const good = () => writeNifti({ ...GRID, data: new Int16Array(24).map((_, i) => i) }, { gzip: false });
const GRID = {
  shape: [2, 3, 4],
  affine: [
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 1, 0],
    [0, 0, 0, 1],
  ],
} as const;

function edited(edit: (view: DataView) => void): Uint8Array {
  const bytes = Uint8Array.from(good());
  edit(new DataView(bytes.buffer));
  return bytes;
}

const dims = (...sides: readonly number[]) =>
  edited((view) => {
    sides.forEach((side, i) => {
      view.setInt16(40 + 2 * i, side, true);
    });
  });

const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...new Array(400).fill(0)]);

const BAD: readonly (readonly [what: string, bytes: Uint8Array, reason: RegExp])[] = [
  ['nothing', new Uint8Array(0), /empty \(0 bytes\)/],
  ['a PNG', PNG, /a PNG picture/],
  ['a PNG, gzipped', gzipSync(PNG), /a PNG picture/],
  ['text', Buffer.from('patient 7, heart\n'.repeat(60)), /not a NIfTI file/],
  ['half a header', good().subarray(0, 200), /ends after 200 bytes/],
  ['the header of a pair', edited((view) => view.setUint8(345, 0x69)), /header half of a pair/],
  ['a gzip cut off', gzipSync(good()).subarray(0, -20), /end too early/],
  ['a damaged gzip', Uint8Array.from(gzipSync(good())).fill(7, 12), /compressed data are damaged/],
  ['voxels cut off', good().subarray(0, 352 + 47), /declares 2×3×4 voxels \(400 bytes\).* more than 399 bytes/],
  ['2D', dims(2, 512, 512), /is a 2D image \(512×512\)/],
  ['4D', dims(4, 2, 3, 4, 5), /several volumes \(2×3×4×5\)/],
  ['five axes', dims(5, 2, 3, 4, 1, 3), /several volumes \(2×3×4×1×3\)/],
  ['no voxels', dims(3, 2, 0, 4), /no voxels/],
  ['a negative side', dims(3, 2, -3, 4), /no voxels/],
  ['nine axes', dims(9, 2, 3, 4), /declares 9 dimensions/],
  ['an oversized side', dims(3, 30000, 30000, 1), /declares 30000×30000×1 voxels/],
  ['an oversized side, gzipped', gzipSync(dims(3, 30000, 30000, 1)), /declares 30000×30000×1 voxels/],
  ['an impossible size', dims(3, 32767, 32767, 32767), /impossible size/],
  ['colours', edited((view) => view.setInt16(70, 128, true)), /colours \(RGB\)/],
  ['an unknown type', edited((view) => view.setInt16(70, 77, true)), /unknown type 77/],
  ['a NaN in the sform', edited((view) => view.setFloat32(280, Number.NaN, true)), /not usable/],
  ['a flat sform', edited((view) => view.setFloat32(280, 0, true)), /not usable/],
  [
    'no spacing and no form',
    edited((view) => {
      view.setInt32(252, 0, true);
      view.setFloat32(80, 0, true);
    }),
    /spacing is given as 0 × 1 × 1 mm/,
  ],
  [
    'a qform without spacing',
    edited((view) => {
      view.setInt16(254, 0, true);
      view.setFloat32(84, Number.NaN, true);
    }),
    /spacing is given as 1 × NaN × 1 mm/,
  ],
  ['voxels before the header', edited((view) => view.setFloat32(108, 16, true)), /start at byte 16/],
  ['an endless intercept', edited((view) => view.setFloat32(116, Number.POSITIVE_INFINITY, true)), /adds Infinity/],
];

describe('a bad file is refused with a reason and a hint', () => {
  test.each(BAD)('%s', (_what, bytes, reason) => {
    const attempt = () => readNifti(bytes, 'p7.nii.gz');

    expect(attempt).toThrow(reason);
    expect(attempt).toThrow(/^p7\.nii\.gz: /);
    try {
      attempt();
    } catch (error) {
      expect(isFedcardioError(error, 'BAD_IMAGE') && error.hint).toBeTruthy();
    }
  });

  test('an int64 that float64 cannot hold exactly is refused', () => {
    const bytes = new Uint8Array(352 + 24 * 8);
    bytes.set(good().subarray(0, 352));
    const view = new DataView(bytes.buffer);
    view.setInt16(70, 1024, true);
    view.setBigInt64(352 + 8, 2n ** 53n + 1n, true);
    expect(() => readNifti(bytes)).toThrow(/9007199254740993/);
  });
});

test('a malformed extension does not block the reader', () => {
  const bytes = new Uint8Array(400 + 48);
  bytes.set(good().subarray(0, 348));
  bytes.set(good().subarray(352), 400);
  const view = new DataView(bytes.buffer);
  view.setFloat32(108, 400, true);
  view.setUint8(348, 1);
  view.setInt32(352, -16, true);
  expect([...readNifti(bytes).data]).toEqual([...Array(24).keys()]);
});

test('the header can be read from the first bytes alone', () => {
  const header = parseHeader(good().subarray(0, HEADER_BYTES));
  expect(header).toMatchObject({ version: 1, type: 'int16', shape: [2, 3, 4], dataOffset: 352, dataBytes: 48 });
});

test('reads bytes at any offset of a larger buffer', () => {
  const pooled = Buffer.concat([Buffer.alloc(13), good(), Buffer.alloc(5)]).subarray(13, 13 + good().length);
  expect([...readNifti(pooled).data]).toEqual([...Array(24).keys()]);
});

test('ignores data after the voxels', () => {
  expect(readNifti(gzipSync(Buffer.concat([good(), Buffer.alloc(1000)]))).data).toHaveLength(24);
});
