import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { spacingOf } from '../lib/imaging/affine.ts';
import { createHistogram } from '../lib/imaging/histogram.ts';
import { readNifti } from '../lib/imaging/nifti-read.ts';
import type { Vec3, Volume } from '../lib/imaging/volume.ts';
import { checkHounsfield } from '../lib/intake/hounsfield.ts';
import { examineImage } from '../lib/intake/image.ts';

/** Real CTs. They belong to other projects and are not stored in this one. */
const FOLDER = join(import.meta.dirname, '../../shared/data');
const present = existsSync(FOLDER);
if (!present) console.warn(`SKIPPED: no real CTs at ${FOLDER}: intake is tried on phantoms only.`);

const CTS = [
  'real-ct/ct_cropped.nii.gz',
  'real-ct/example_ct_sm.nii.gz',
  'public-ct/crlm-ct-1006-half.nii.gz',
  'public-ct/lidc-idri-0003.nii.gz',
  'public-ct/totalseg-example_ct.nii.gz',
];
const REFUSED: readonly (readonly [file: string, reason: RegExp])[] = [
  ['public-ct/niivue-shear.nii.gz', /, sheared; by its qform.*up to 35\.6 mm apart/],
  ['public-ct/niivue-CT_pitch.nii.gz', /from 0 to 255, are not HU/],
  ['public-ct/niivue-ct_perfusion.nii.gz', /colours/],
  ['public-ct/dicom-numpy-missing-slices-quarter.nii.gz', /slices are 113 mm apart/],
  ['public-ct/dicom-files/dicom-seg.dcm', /DICOM segmentation \(SEG\)/],
  ['public-ct/dicom-files/enhanced-ct-multiframe.dcm', /several frames \(Enhanced CT\)/],
  ['public-ct/dicom-files/legacy-enhanced-ct-multiframe.dcm', /Legacy Converted Enhanced CT/],
  ['public-ct/lidc-idri-0003-dicom/-179.000000.dcm', /single DICOM slice/],
  ['public-ct/markups/L1.fcsv', /points of an older 3D Slicer/],
];
const examine = (file: string) => {
  const path = join(FOLDER, file);
  return examineImage(createReadStream(path), statSync(path).size);
};

/** Every `step`-th voxel of a cube of `mm` that starts at shares of the free way along x, y and z. */
function cut({ shape, affine, data }: Volume, mm: number, at: Vec3, step: number): Float32Array {
  const spacing = spacingOf(affine);
  const sides = shape.map((side, i) => Math.min(side, Math.round(mm / (spacing[i] as number))));
  const from = shape.map((side, i) => Math.round((at[i] as number) * (side - (sides[i] as number))));
  const values: number[] = [];
  const [x0, y0, z0, nx, ny, nz] = [...from, ...sides] as [number, number, number, number, number, number];
  for (let z = z0; z < z0 + nz; z += step) {
    for (let y = y0; y < y0 + ny; y += step) {
      for (let x = x0; x < x0 + nx; x += step) values.push(data[x + shape[0] * (y + shape[1] * z)] as number);
    }
  }
  return Float32Array.from(values);
}

describe.skipIf(!present)('real CTs', () => {
  test.each(CTS)('%s is accepted, also small parts and coarse copies of it', async (file) => {
    await examine(file);
    const ct = readNifti(readFileSync(join(FOLDER, file)));
    const shares = [0.3, 0.5, 0.7];
    const places = shares.flatMap((x) => shares.flatMap((y) => [0, 0.5, 1].map((z): Vec3 => [x, y, z])));
    for (const [mm, step] of [
      [100, 1],
      [160, 2],
      [1000, 3],
    ] as const) {
      for (const place of places) {
        const histogram = createHistogram();
        histogram.add(cut(ct, mm, place, step), { slope: 1, intercept: 0 });
        expect(() => checkHounsfield(histogram), `${mm} mm at ${place}`).not.toThrow();
      }
    }
  });

  test.each(REFUSED)('%s is refused', async (file, reason) => {
    await expect(examine(file)).rejects.toThrow(reason);
  });
});
