import { writeFileSync } from 'node:fs';
import { writeNifti } from '../../lib/imaging/nifti-write.ts';
import type { Affine, Vec3 } from '../../lib/imaging/volume.ts';
import { seededRandom } from '../../lib/random.ts';

/** Shape, spacing and storage order of a thorax CT. */
export interface CtFile {
  readonly name: string;
  /** Axes are left, posterior, superior (LPS), as most scanners write. */
  readonly shape: Vec3;
  /** mm */
  readonly spacing: Vec3;
  /** Axes of the file. Sagittal is posterior, inferior, right. */
  readonly order: 'axial' | 'sagittal';
}

/** Standard deviation of the noise, HU. The file compresses to a little more than half, like clinical CTs. */
const NOISE_HU = 22;

/** Byte offset of the voxels in files of `writeNifti`. */
const HEADER_BYTES = 352;

/** Writes an ellipse of tissue with two lungs and a contrast-filled heart, in noise, as int16 .nii.gz. */
export function writeCt(
  path: string,
  { shape, spacing, order }: CtFile,
): { readonly bytes: number; readonly unpackedBytes: number } {
  const [nx, ny, nz] = shape;
  const random = seededRandom('bench-ct');
  // Random numbers for each voxel would take longer than everything that is measured.
  const noise = Int16Array.from({ length: 65_521 }, () => NOISE_HU * (random() + random() + random() - 1.5) * 2);
  const sagittal = order === 'sagittal';
  const data = new Int16Array(nx * ny * nz);
  let at = 0;
  let n = 0;
  const put = (x: number, y: number, z: number) => {
    n = n === noise.length - 1 ? Math.floor(random() * noise.length) : n + 1;
    data[at] = tissue((2 * x) / nx - 1, (2 * y) / ny - 1, (2 * z) / nz - 1) + (noise[n] as number);
    at += 1;
  };
  if (sagittal) {
    for (let x = nx - 1; x >= 0; x -= 1)
      for (let z = nz - 1; z >= 0; z -= 1) for (let y = 0; y < ny; y += 1) put(x, y, z);
  } else {
    for (let z = 0; z < nz; z += 1) for (let y = 0; y < ny; y += 1) for (let x = 0; x < nx; x += 1) put(x, y, z);
  }
  const [dx, dy, dz] = spacing;
  const affine: Affine = sagittal
    ? [
        [0, 0, dx, (-nx * dx) / 2],
        [-dy, 0, 0, (ny * dy) / 2],
        [0, -dz, 0, (nz * dz) / 2],
        [0, 0, 0, 1],
      ]
    : [
        [-dx, 0, 0, (nx * dx) / 2],
        [0, -dy, 0, (ny * dy) / 2],
        [0, 0, dz, (-nz * dz) / 2],
        [0, 0, 0, 1],
      ];
  const file = writeNifti({ shape: sagittal ? [ny, nz, nx] : shape, affine, data });
  writeFileSync(path, file);
  return { bytes: file.length, unpackedBytes: HEADER_BYTES + data.byteLength };
}

/** HU at a position in the field of view, each coordinate from −1 to 1. */
function tissue(x: number, y: number, z: number): number {
  if (x * x + (y * y) / 0.55 > 0.8) return -1000;
  const lung = (Math.abs(x) - 0.45) ** 2 / 0.09 + (y * y) / 0.25 + (z * z) / 0.8;
  if ((x - 0.1) ** 2 + (y + 0.15) ** 2 + z * z < 0.06) return 350;
  return lung < 1 ? -850 : 40;
}
