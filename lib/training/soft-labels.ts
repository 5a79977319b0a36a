import { apply } from '../imaging/affine.ts';
import type { Affine, Vec3, Volume } from '../imaging/volume.ts';
import { decodeSafetensors, encodeSafetensors } from '../weights/safetensors.ts';
import type { WeightTensor } from '../weights/weights.ts';
import type { ClassProbabilities } from './predict.ts';

/** Probabilities of the foreground classes in a box of the teacher's grid; outside it, all is background. */
export type SoftLabel = readonly Volume<Float32Array>[];

/** Below this a voxel's foreground is left out of the box: it may be small, as a temperature makes it larger. */
const NEGLIGIBLE = 1e-3;

/** The box in which a teacher saw anything, undefined where it saw nothing anywhere. Background comes first in `maps`. */
export function softLabelOf(maps: ClassProbabilities): SoftLabel | undefined {
  const [background, ...foreground] = maps;
  const box = background && boxOf(background);
  return box && foreground.map((map) => cropped(map, box));
}

/** The file of a soft label, as F16, x fastest: one tensor [class, z, y, x]. Its place goes into the report beside it. */
export function encodeSoftLabel(label: SoftLabel): Uint8Array {
  const [nx, ny, nz] = label[0]?.shape ?? [0, 0, 0];
  const data = new Float32Array(label.length * nx * ny * nz);
  for (const [index, map] of label.entries()) data.set(map.data, index * map.data.length);
  const tensor: WeightTensor = { dtype: 'F32', shape: [label.length, nz, ny, nx], data };
  return encodeSafetensors(new Map([[TENSOR, tensor]]), {}, { dtype: 'F16' });
}

/** @throws FedcardioError `BAD_WEIGHTS` for anything but a file of {@link encodeSoftLabel}. */
export function decodeSoftLabel(bytes: Uint8Array, affine: Affine): SoftLabel {
  const tensor = decodeSafetensors(bytes, { finite: true }).get(TENSOR);
  const [classes = 0, nz = 0, ny = 0, nx = 0] = tensor?.shape ?? [];
  const voxels = nx * ny * nz;
  return Array.from({ length: classes }, (_, index) => ({
    affine,
    shape: [nx, ny, nz],
    data: (tensor as WeightTensor).data.subarray(index * voxels, (index + 1) * voxels),
  }));
}

const TENSOR = 'probabilities';

interface Box {
  readonly from: Vec3;
  readonly shape: Vec3;
}

function boxOf({ data, shape }: Volume<Float32Array>): Box | undefined {
  const [nx, ny, nz] = shape;
  const [from, to] = [
    [nx, ny, nz],
    [-1, -1, -1],
  ] as [[number, number, number], [number, number, number]];
  for (let i = 0; i < data.length; i++) {
    if ((data[i] as number) > 1 - NEGLIGIBLE) continue;
    const at = [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))] as const;
    for (const axis of [0, 1, 2] as const) {
      // And its neighbours, towards which probabilities fade.
      from[axis] = Math.max(0, Math.min(from[axis], at[axis] - 1));
      to[axis] = Math.min(shape[axis] - 1, Math.max(to[axis], at[axis] + 1));
    }
  }
  if (to[0] < 0) return undefined;
  return { from, shape: [to[0] - from[0] + 1, to[1] - from[1] + 1, to[2] - from[2] + 1] };
}

function cropped(map: Volume<Float32Array>, { from, shape }: Box): Volume<Float32Array> {
  const [nx, ny] = map.shape;
  const [width, height, depth] = shape;
  const data = new Float32Array(width * height * depth);
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      const start = from[0] + nx * (from[1] + y + ny * (from[2] + z));
      data.set(map.data.subarray(start, start + width), width * (y + height * z));
    }
  }
  const [x, y, z] = apply(map.affine, from);
  const [a, b, c] = map.affine;
  const affine: Affine = [[a[0], a[1], a[2], x], [b[0], b[1], b[2], y], [c[0], c[1], c[2], z], map.affine[3]];
  return { affine, shape, data };
}
