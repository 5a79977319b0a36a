import { gzipSync } from 'node:zlib';
import type { DefaultTaskId } from '../../lib/federation/tasks.ts';
import { TASKS } from '../../lib/federation/tasks.ts';
import { writeMarkups } from '../../lib/imaging/markups.ts';
import { writeNifti } from '../../lib/imaging/nifti-write.ts';
import type { Volume } from '../../lib/imaging/volume.ts';

/** Invalid files in place of a CT, derived from a valid one. Each must be rejected. */
export const BAD_IMAGES: Readonly<Record<string, (ct: Volume<Int16Array>) => Uint8Array>> = {
  'cut off': (ct) => writeNifti(ct).subarray(0, 2000),
  text: () => Buffer.from('not a volume '.repeat(500)),
  picture: () => Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...new Array(3000).fill(7)]),
  'two dimensions': (ct) => edited(ct, (file) => file.writeInt16LE(2, 40)),
  'two phases': (ct) =>
    edited(ct, (file) => [4, ...ct.shape, 2].forEach((side, i) => void file.writeInt16LE(side, 40 + 2 * i))),
  'no spacing': (ct) => edited(ct, (file) => file.writeFloatLE(0, 84)),
  'spacing that is no number': (ct) => edited(ct, (file) => file.writeFloatLE(Number.NaN, 80)),
  'one value': (ct) => writeNifti({ ...ct, data: new Int16Array(ct.data.length).fill(-1000) }),
  'not HU': (ct) => writeNifti({ ...ct, data: Int16Array.from(ct.data, (hu) => hu + 1024) }),
  'too many voxels declared': (ct) => edited(ct, (file) => file.writeInt16LE(32_000, 46)),
  nothing: () => new Uint8Array(0),
};

/** Labels that must be rejected while their CT is accepted. */
export const BAD_LABELS: Readonly<
  Record<string, { readonly name: (task: DefaultTaskId) => string; readonly body: (ct: Volume) => Uint8Array | string }>
> = {
  'another grid': {
    name: (task) => `${task}.nii.gz`,
    body: ({ affine }) => writeNifti({ shape: [4, 4, 4], affine, data: new Uint8Array(64).fill(1) }),
  },
  'unknown classes': {
    name: (task) => `${task}.nii.gz`,
    body: (ct) => writeNifti({ ...ct, data: new Uint8Array(ct.data.length).fill(9) }),
  },
  'points outside': {
    name: () => 'hinge-points.mrk.json',
    body: () => writeMarkups([{ label: 1, position: [900, 0, 0] }], TASKS['hinge-points'].classes),
  },
  'an unknown task': { name: () => 'aortic-arch.nii.gz', body: () => 'whatever it holds' },
};

function edited(ct: Volume<Int16Array>, edit: (file: Buffer) => void): Uint8Array {
  const file = Buffer.from(writeNifti(ct, { gzip: false }));
  edit(file);
  return gzipSync(file);
}
