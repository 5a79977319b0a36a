import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_VOXEL_BYTES, parseHeader } from './nifti-header.ts';
import { readNifti } from './nifti-read.ts';
import { readNiftiStream, type ScanVisitor, scanNifti } from './nifti-scan.ts';
import { writeNifti } from './nifti-write.ts';

const readings = (
  JSON.parse(readFileSync('test/fixtures/imaging/reading.json', 'utf8')) as readonly { name: string; file: string }[]
).filter(({ name }) => !/neither form|a different qform/.test(name));

function collecting(): ScanVisitor & { readonly values: (stored: ArrayLike<number>) => void; readonly seen: number[] } {
  const seen: number[] = [];
  const values = (stored: ArrayLike<number>) => {
    for (let i = 0; i < stored.length; i += 1) seen.push(stored[i] as number);
  };
  return { seen, header: () => {}, values };
}

function inPieces(bytes: Uint8Array, sizes: readonly number[]): Readable {
  const pieces: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const size = sizes[i % sizes.length] as number;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return Readable.from(pieces);
}

test('a stream in pieces of any size gives the stored values and their hash', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...readings), sizes, fc.boolean(), async ({ file }, cuts, zip) => {
      const bytes = new Uint8Array(Buffer.from(file, 'base64'));
      const sent = zip && bytes[0] !== 0x1f ? gzipSync(bytes) : bytes;
      const { header } = readNifti(bytes);
      const visitor = collecting();

      const scan = await scanNifti(inPieces(sent, cuts), sent.length, visitor);

      const { slope, intercept } = header.scaling;
      const whole = [...readNifti(bytes).data];
      const scaled = visitor.seen.map((value) => slope * value + intercept);
      const float32 = readNifti(bytes).data instanceof Float32Array;
      expect(float32 ? scaled.map(Math.fround) : scaled).toEqual(whole);
      expect(scan.header).toEqual(header);
      expect(await readNiftiStream(inPieces(sent, cuts), sent.length)).toEqual(readNifti(bytes));
      expect(scan.sha256).toMatch(/^[0-9a-f]{64}$/);
    }),
    { numRuns: 200 },
  );
});

const volume = {
  shape: [64, 64, 64],
  affine: [
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 1, 0],
    [0, 0, 0, 1],
  ],
  data: new Int16Array(64 ** 3).map((_, i) => (i * 7919) % 2000),
} as const;

test('the hash depends on the voxels, not on compression or description', async () => {
  const expected = createHash('sha256').update(new Uint8Array(volume.data.buffer)).digest('hex');
  for (const options of [{ gzip: false }, { gzip: true }, { gzip: true, description: 'again' }]) {
    const bytes = writeNifti(volume, options);
    const scan = await scanNifti(inPieces(bytes, [10_000]), bytes.length, collecting());
    expect(scan.sha256).toBe(expected);
  }
});

test('a refused header ends the scan and closes the source', async () => {
  const bytes = writeNifti(volume, { gzip: false });
  const source = inPieces(bytes, [1000]);
  let pieces = 0;
  source.on('data', () => {
    pieces += 1;
  });
  source.pause();
  const refusing: ScanVisitor = {
    header: () => {
      throw new Error('too small');
    },
    values: () => expect.unreachable(),
  };
  await expect(scanNifti(source, bytes.length, refusing)).rejects.toThrow('too small');
  expect(source.destroyed).toBe(true);
  expect(pieces).toBeLessThan(20);
});

test('an error of the source is passed on unchanged', async () => {
  for (const gzip of [true, false]) {
    const bytes = writeNifti(volume, { gzip });
    const source = Readable.from(
      (function* () {
        yield bytes.subarray(0, 2000);
        throw new Error('connection reset');
      })(),
    );
    await expect(scanNifti(source, bytes.length, collecting())).rejects.toThrow('connection reset');
  }
});

test('truncated, damaged and oversized streams are refused with a reason', async () => {
  const whole = writeNifti(volume);
  const damaged = Uint8Array.from(whole);
  damaged[whole.length - 6] = (damaged[whole.length - 6] as number) ^ 1;
  const flat = Uint8Array.from(writeNifti(volume, { gzip: false }));
  const declared = flat.slice();
  new DataView(declared.buffer).setInt16(42, 30_000, true);
  const attempts: readonly (readonly [Uint8Array, RegExp])[] = [
    [whole.subarray(0, -500), /end too early/],
    [whole.subarray(0, -4), /end too early/],
    [damaged, /damaged/],
    [flat.subarray(0, -1), /cannot hold more/],
    [declared, /30000×64×64/],
    [gzipSync(declared), /30000×64×64/],
    [gzipSync(Buffer.concat([flat, Buffer.alloc(3 << 20)])), /more data than its header declares/],
    [new Uint8Array(0), /0 bytes/],
    [Uint8Array.of(0x1f), /not a NIfTI/],
  ];
  for (const [bytes, reason] of attempts) {
    await expect(scanNifti(inPieces(bytes, [9000]), bytes.length, collecting())).rejects.toThrow(reason);
  }
});

test('one bound holds for every reader: 1024³ voxels of two bytes', async () => {
  const declaring = (type: number, ...sides: readonly number[]) => {
    const file = Buffer.from(writeNifti(volume, { gzip: false }).subarray(0, 400));
    sides.forEach((side, i) => void file.writeInt16LE(side, 42 + 2 * i));
    file.writeInt16LE(type, 70);
    return file;
  };
  const floats = declaring(16, 1024, 1024, 1024);
  const [largest, larger] = [declaring(4, 1024, 1024, 1024), declaring(4, 1024, 1024, 1025)];

  expect(parseHeader(largest).dataBytes).toBe(MAX_VOXEL_BYTES);
  for (const file of [floats, larger, gzipSync(floats)]) {
    const scan = scanNifti(inPieces(file, [100]), file.length, collecting());
    await expect(scan).rejects.toThrow(/too large: 1024×1024×102[45] voxels of (float32|int16).*at most 2 GiB/);
    expect(() => readNifti(file)).toThrow(/too large/);
  }
  // Not too large, but cut off.
  expect(() => readNifti(largest)).toThrow(/cannot hold more than 400 bytes/);
});
