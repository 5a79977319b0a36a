import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inspectDicom } from '../lib/dicom/inspect.ts';
import { readVolume } from '../lib/dicom/read-volume.ts';
import { largestShift } from '../lib/imaging/affine.ts';
import { readNifti } from '../lib/imaging/nifti-read.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import type { Affine, Vec3, VoxelArray } from '../lib/imaging/volume.ts';
import { examineImage } from '../lib/intake/image.ts';

/** Real series. They belong to other projects and are not stored in this one. */
const FOLDER = join(import.meta.dirname, '../../shared/data/public-ct');
const present = existsSync(FOLDER);
if (!present)
  console.warn(`SKIPPED: the real DICOM series are not at ${FOLDER}: DICOM is tried on made-up series only.`);
const onRealSeries = test.skipIf(!present);

const volumesOf = async (name: string) => {
  const { volumes, refused } = await inspectDicom(join(FOLDER, name));
  expect(refused).toEqual([]);
  return Promise.all(volumes.map((volume) => readVolume(volume)));
};

onRealSeries('a chest CT has the voxels and the affine that native dcm2niix and nibabel give', async () => {
  const wanted = readNifti(readFileSync(join(FOLDER, 'lidc-idri-0003.nii.gz')));
  const { voxels } = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8'))['lidc-idri-0003.nii.gz'] as {
    readonly voxels: readonly (readonly [number, number, number, number])[];
  };

  const [ct, ...more] = await volumesOf('lidc-idri-0003-dicom');

  expect(more).toEqual([]);
  if (!ct) throw new Error('No volume was found.');
  expect(ct.shape).toEqual(wanted.shape);
  expect(largestShift(ct, wanted)).toBeLessThan(1e-4);
  expect(bytesOf(ct.data).equals(bytesOf(wanted.data))).toBe(true);
  for (const [x, y, z, value] of voxels) expect(ct.data[x + ct.shape[0] * (y + ct.shape[1] * z)]).toBe(value);
});

onRealSeries('a head of an old scanner is read, and intake says that its values are not HU', async () => {
  const [ct] = await volumesOf('slicer-cthead-dicom');

  if (!ct) throw new Error('No volume was found.');
  expect(ct.shape).toEqual([64, 64, 93] satisfies Vec3);
  const wanted: Affine = [
    [-3.2, 0, 0, 0],
    [0, 3.2, 0, -201.6],
    [0, 0, 1.5, 0],
    [0, 0, 0, 1],
  ];
  expect(largestShift(ct, { shape: ct.shape, affine: wanted })).toBeLessThan(1e-4);
  const file = writeNifti(ct);
  await expect(examineImage(chunksOf(file), file.length)).rejects.toThrow('air and fat are below 0 HU');
});

const bytesOf = ({ buffer, byteOffset, byteLength }: VoxelArray) => Buffer.from(buffer, byteOffset, byteLength);

async function* chunksOf(file: Uint8Array) {
  yield file;
}

onRealSeries('enhanced multi-frame objects are refused, and a segmentation is passed over', async () => {
  const { volumes, refused, passedOver } = await inspectDicom(join(FOLDER, 'dicom-files'));

  expect(volumes).toEqual([]);
  expect(refused.map(({ reason }) => reason)).toEqual([
    expect.stringMatching(/enhanced multi-frame/),
    expect.stringMatching(/enhanced multi-frame/),
  ]);
  expect(passedOver.map(({ reason }) => reason)).toEqual(['They are segmentations or registrations.']);
});
