import { determinant } from '../imaging/affine.ts';
import type { Affine, Grid, Vec3 } from '../imaging/volume.ts';
import type { Frame } from './frame.ts';
import type { Solid } from './solids.ts';

/** A solid in a frame. With a thickness, the solid's distance is taken as the distance to the middle of a sheet. */
export interface Structure extends Solid {
  readonly frame: Frame;
  readonly sheetThickness?: number;
}

/**
 * Calls `visit` with the index and the covered share (0 to 1) of every voxel that the structure covers.
 *
 * A voxel is approximated by a ball, cut by a plane, whose diameter is the edge of a cube of the voxel's volume. That
 * is exact enough for partial volume on smooth surfaces and needs one sample per voxel.
 */
export function cover(grid: Grid, structure: Structure, visit: (index: number, share: number) => void): void {
  const { frame, box, distance, sheetThickness = 0 } = structure;
  const [nx, ny, nz] = grid.shape;
  const local = voxelToLocal(grid, frame);
  const edge = Math.cbrt(Math.abs(determinant(local)));
  const margin = (edge + sheetThickness) / 2;
  const half = sheetThickness / 2 / edge;
  const [stepX, stepY, stepZ] = [local[0][0], local[1][0], local[2][0]];
  for (let k = 0; k < nz; k++) {
    for (let j = 0; j < ny; j++) {
      const x0 = local[0][1] * j + local[0][2] * k + local[0][3];
      const y0 = local[1][1] * j + local[1][2] * k + local[1][3];
      const z0 = local[2][1] * j + local[2][2] * k + local[2][3];
      let from = 0;
      let to = nx - 1;
      for (const axis of AXES) {
        const step = local[axis][0];
        const start = axis === 0 ? x0 : axis === 1 ? y0 : z0;
        const low = (box.min[axis] - margin - start) / step;
        const high = (box.max[axis] + margin - start) / step;
        // A row parallel to the box divides by zero. The infinities have the right signs, inside and outside the box.
        from = Math.max(from, Math.ceil(Math.min(low, high)));
        to = Math.min(to, Math.floor(Math.max(low, high)));
      }
      const row = nx * (j + ny * k);
      for (let i = from; i <= to; i++) {
        const d = distance(x0 + stepX * i, y0 + stepY * i, z0 + stepZ * i) / edge;
        const share = half === 0 ? inside(d) : inside(d - half) - inside(d + half);
        if (share > 0) visit(row + i, share);
      }
    }
  }
}

/** Paints a structure of `hu`, mixing with the voxels that it fills partly. */
export function paint(grid: Grid, image: Float32Array, structure: Structure, hu: number): void {
  cover(grid, structure, (index, share) => {
    const before = image[index]!;
    image[index] = before + share * (hu - before);
  });
}

const AXES = [0, 1, 2] as const;

const inside = (d: number): number => (d <= -0.5 ? 1 : d >= 0.5 ? 0 : 0.5 - d);

/** Rows of the matrix from voxel indices to the frame's coordinates. */
function voxelToLocal({ affine }: Grid, { axes, origin, scale }: Frame): Affine {
  const row = (axis: Vec3): Affine[number] => {
    const column = (c: 0 | 1 | 2) => (axis[0] * affine[0][c] + axis[1] * affine[1][c] + axis[2] * affine[2][c]) / scale;
    const shift =
      axis[0] * (affine[0][3] - origin[0]) +
      axis[1] * (affine[1][3] - origin[1]) +
      axis[2] * (affine[2][3] - origin[2]);
    return [column(0), column(1), column(2), shift / scale];
  };
  return [row(axes[0]), row(axes[1]), row(axes[2]), [0, 0, 0, 1]];
}
