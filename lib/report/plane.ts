import { encode } from 'fast-png';
import { apply, invert } from '../imaging/affine.ts';
import type { Grid, Vec3, Volume } from '../imaging/volume.ts';

/**
 * A picture plane in the patient: pixel (i, j) is at `origin` + i·`right` + j·`down` (RAS, mm). Both steps are one
 * pixel long. Radiological convention: the patient's right is on the left, front or head at the top.
 */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly origin: Vec3;
  readonly right: Vec3;
  readonly down: Vec3;
  /** Side of a pixel, mm. */
  readonly pixel: number;
}

/** HU that map to black and white: contrast-filled blood, muscle and calcium can be told apart, lung is black. */
const WINDOW = { black: -200, white: 700 };

/** Cut across the body's long axis (axial), seen from the front (coronal), or from the patient's left (sagittal). */
export type Cut = 'axial' | 'coronal' | 'sagittal';

/** World axes of a cut: across it, along the picture's rows, and down its columns. */
export const CUTS = {
  axial: { across: 2, right: 0, down: 1 },
  coronal: { across: 1, right: 0, down: 2 },
  sagittal: { across: 0, right: 1, down: 2 },
} as const satisfies Readonly<Record<Cut, Readonly<Record<'across' | 'right' | 'down', 0 | 1 | 2>>>>;

/** The plane that cuts a volume at `at` mm across it. */
export function planeThrough(volume: Grid, cut: Cut, at: number, pixel = 0.75): Plane {
  const [low, high] = bounds(volume);
  return planeBetween(cut, at, low, high, pixel);
}

/** The square of `sideMm` of the plane through a point, around the point. */
export function planeAround(cut: Cut, point: Vec3, sideMm: number, pixel = 0.75): Plane {
  const corner = (sign: number) => point.map((value) => value + (sign * sideMm) / 2) as unknown as Vec3;
  return planeBetween(cut, point[CUTS[cut].across], corner(-1), corner(1), pixel);
}

/** Pictures start at the patient's right, front and head, where the coordinate along RAS is high. */
function planeBetween(cut: Cut, at: number, low: Vec3, high: Vec3, pixel: number): Plane {
  const { across, right, down } = CUTS[cut];
  const size = (axis: 0 | 1 | 2) => Math.max(1, Math.round((high[axis] - low[axis]) / pixel));
  const along = (axis: 0 | 1 | 2): Vec3 => [0, 1, 2].map((other) => (other === axis ? -pixel : 0)) as unknown as Vec3;
  const origin = high.map((value, axis) => (axis === across ? at : value - pixel / 2)) as unknown as Vec3;
  return { width: size(right), height: size(down), origin, right: along(right), down: along(down), pixel };
}

/**
 * Position (mm along the world axis across the cut) at which a mask has the most voxels; undefined for an empty mask.
 */
export function densestLevel(mask: Volume, cut: Cut = 'axial'): number | undefined {
  const [nx, ny, nz] = mask.shape;
  const row = mask.affine[CUTS[cut].across];
  // The spacing of the slices that lie most across the cut: other steps would fall between thin ones.
  const step = Math.max(...row.slice(0, 3).map(Math.abs));
  const counts = new Map<number, number>();
  for (let z = 0, i = 0; z < nz; z++)
    for (let y = 0; y < ny; y++)
      for (let x = 0; x < nx; x++, i++) {
        if (mask.data[i] === 0) continue;
        const steps = Math.round((row[0] * x + row[1] * y + row[2] * z) / step);
        counts.set(steps, (counts.get(steps) ?? 0) + 1);
      }
  const densest = [...counts].reduce<[number, number] | undefined>(
    (best, entry) => (best && best[1] >= entry[1] ? best : entry),
    undefined,
  );
  return densest && row[3] + densest[0] * step;
}

/** Position of a point in the plane, in pixels, and its distance before or behind it, mm. */
export function project(plane: Plane, point: Vec3): { readonly x: number; readonly y: number; readonly depth: number } {
  const offset: Vec3 = [point[0] - plane.origin[0], point[1] - plane.origin[1], point[2] - plane.origin[2]];
  const [x, y] = [dot(offset, plane.right) / plane.pixel ** 2, dot(offset, plane.down) / plane.pixel ** 2];
  const inPlane = (axis: 0 | 1 | 2) => x * plane.right[axis] + y * plane.down[axis];
  return { x, y, depth: Math.hypot(offset[0] - inPlane(0), offset[1] - inPlane(1), offset[2] - inPlane(2)) };
}

/** Grey values (0–255, row by row) of a CT in the plane, trilinear; black outside. */
export function greySlice(volume: Volume, plane: Plane): Uint8Array {
  const [nx, ny] = volume.shape;
  return samplePlane(volume, plane, (x, y, z) => {
    const [x0, y0, z0] = [Math.floor(x), Math.floor(y), Math.floor(z)];
    let sum = 0;
    for (let corner = 0; corner < 8; corner++) {
      const [i, j, k] = [x0 + (corner & 1), y0 + ((corner >> 1) & 1), z0 + (corner >> 2)];
      const weight = (1 - Math.abs(x - i)) * (1 - Math.abs(y - j)) * (1 - Math.abs(z - k));
      if (weight > 0) sum += weight * (volume.data[clampIndex(volume, i, j, k, nx, ny)] as number);
    }
    return Math.min(255, Math.max(0, Math.round((255 * (sum - WINDOW.black)) / (WINDOW.white - WINDOW.black))));
  });
}

/** Class numbers of a class map in the plane, nearest voxel; 0 outside. */
export function classSlice(volume: Volume, plane: Plane): Uint8Array {
  const [nx, ny] = volume.shape;
  return samplePlane(
    volume,
    plane,
    (x, y, z) => volume.data[clampIndex(volume, Math.round(x), Math.round(y), Math.round(z), nx, ny)] as number,
  );
}

/** A grey picture (0–255, row by row) as a PNG. */
export const greyPng = (grey: Uint8Array, width: number, height: number): Uint8Array =>
  encode({ width, height, data: grey, channels: 1, depth: 8 });

/** A grey picture as a PNG in a `data:` URI. */
export const pngUri = (grey: Uint8Array, width: number, height: number): string =>
  `data:image/png;base64,${Buffer.from(greyPng(grey, width, height)).toString('base64')}`;

function samplePlane(volume: Volume, plane: Plane, sample: (x: number, y: number, z: number) => number): Uint8Array {
  const toVoxel = invert(volume.affine);
  const start = apply(toVoxel, plane.origin);
  const step = (by: Vec3): Vec3 => {
    const end = apply(toVoxel, [plane.origin[0] + by[0], plane.origin[1] + by[1], plane.origin[2] + by[2]]);
    return [end[0] - start[0], end[1] - start[1], end[2] - start[2]];
  };
  const [right, down] = [step(plane.right), step(plane.down)];
  const [nx, ny, nz] = volume.shape;
  const out = new Uint8Array(plane.width * plane.height);
  for (let j = 0; j < plane.height; j++) {
    for (let i = 0; i < plane.width; i++) {
      const x = start[0] + i * right[0] + j * down[0];
      const y = start[1] + i * right[1] + j * down[1];
      const z = start[2] + i * right[2] + j * down[2];
      const inside = x >= -0.5 && y >= -0.5 && z >= -0.5 && x <= nx - 0.5 && y <= ny - 0.5 && z <= nz - 0.5;
      if (inside) out[i + plane.width * j] = sample(x, y, z);
    }
  }
  return out;
}

function clampIndex(volume: Volume, x: number, y: number, z: number, nx: number, ny: number): number {
  const clamp = (value: number, size: number) => Math.min(size - 1, Math.max(0, value));
  return clamp(x, nx) + nx * (clamp(y, ny) + ny * clamp(z, volume.shape[2]));
}

/** The outermost corners of the voxels, along the world axes. */
function bounds(volume: Grid): readonly [Vec3, Vec3] {
  const [nx, ny, nz] = volume.shape;
  const corners = [-0.5, nx - 0.5].flatMap((x) =>
    [-0.5, ny - 0.5].flatMap((y) => [-0.5, nz - 0.5].map((z) => apply(volume.affine, [x, y, z]))),
  );
  const along = (axis: 0 | 1 | 2, pick: (...values: number[]) => number) =>
    pick(...corners.map((corner) => corner[axis]));
  return [
    [along(0, Math.min), along(1, Math.min), along(2, Math.min)],
    [along(0, Math.max), along(1, Math.max), along(2, Math.max)],
  ];
}

const dot = (a: Vec3, b: Vec3) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
