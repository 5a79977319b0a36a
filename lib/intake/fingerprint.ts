import type { NiftiHeader } from '../imaging/nifti-header.ts';
import { directionsOf } from '../imaging/orientation.ts';
import type { VoxelArray } from '../imaging/volume.ts';
import { canonicalJson, sha256Hex } from '../json.ts';
import { seededRandom } from '../random.ts';

/** Takes a volume's stored values piece by piece in file order. */
export interface Fingerprinter {
  take(stored: VoxelArray): void;
  /** 64 hexadecimal digits. */
  digest(): string;
}

/** Sums with independent keys, of 32 bits each. */
const LANES = 4;
/**
 * HU are rounded at this fraction above a whole number, not at one half: files hold whole HU, or a slope's fractions of
 * them, and rounding noise must not carry these across. No fraction is further from all simple ones than the golden
 * section.
 */
const ROUNDING_BORDER = (3 - Math.sqrt(5)) / 2;

/**
 * A fingerprint of a CT's HU that does not depend on how a file stores them: type, byte order, slope and intercept,
 * compression, and the order and direction of the axes as long as the affine tells them. HU are rounded to whole ones;
 * position and spacing do not count.
 *
 * It is a multilinear hash, because the voxels arrive in the file's order: the sum, modulo 2³², of each HU times a
 * random key for its index along each axis, counted from right to left, back to front, and feet to head. Memory:
 * 16 bytes for each index.
 */
export function createFingerprinter({ shape, affine, scaling }: NiftiHeader): Fingerprinter {
  const directions = directionsOf(affine);
  const keys = Array.from({ length: LANES }, (_, lane) =>
    directions.map(({ axis, sign }, voxelAxis) => {
      const along = keysOf(lane, axis, shape[voxelAxis] as number);
      return sign < 0 ? along.reverse() : along;
    }),
  ) as unknown as readonly (readonly [Int32Array, Int32Array, Int32Array])[];
  const [[x0], [x1], [x2], [x3]] = keys as unknown as readonly [Axes, Axes, Axes, Axes];
  const sums = new Int32Array(LANES);
  const { slope, intercept } = scaling;
  const offset = intercept + 1 - ROUNDING_BORDER;
  const [nx, ny] = shape;
  let position = 0;
  return {
    take(stored) {
      for (let i = 0; i < stored.length; ) {
        const x = position % nx;
        const row = Math.floor(position / nx);
        const end = Math.min(nx - x, stored.length - i);
        let [a, b, c, d] = [0, 0, 0, 0];
        for (let j = 0; j < end; j += 1) {
          const hu = Math.floor(slope * (stored[i + j] as number) + offset);
          a = (a + Math.imul(hu, x0[x + j] as number)) | 0;
          b = (b + Math.imul(hu, x1[x + j] as number)) | 0;
          c = (c + Math.imul(hu, x2[x + j] as number)) | 0;
          d = (d + Math.imul(hu, x3[x + j] as number)) | 0;
        }
        for (const [lane, sum] of [a, b, c, d].entries()) {
          const [, y, z] = keys[lane] as Axes;
          const key = Math.imul(y[row % ny] as number, z[Math.floor(row / ny)] as number);
          sums[lane] = (sums[lane] as number) + Math.imul(sum, key);
        }
        i += end;
        position += end;
      }
    },
    digest() {
      const sides = [0, 1, 2].map((axis) => shape[directions.findIndex((direction) => direction.axis === axis)]);
      return sha256Hex(canonicalJson({ shape: sides, sums: [...sums] }));
    },
  };
}

type Axes = readonly [Int32Array, Int32Array, Int32Array];

function keysOf(lane: number, axis: number, count: number): Int32Array {
  const random = seededRandom('fingerprint', lane, axis);
  return Int32Array.from({ length: count }, () => Math.floor(random() * 2 ** 32) | 0);
}
