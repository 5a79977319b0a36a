import { spacingOf } from '../imaging/affine.ts';
import { boxAround, crop } from '../imaging/box.ts';
import type { Affine, Volume } from '../imaging/volume.ts';
import { decodeSafetensors, encodeSafetensors } from '../weights/safetensors.ts';
import { badWeights } from '../weights/safetensors-header.ts';
import type { WeightTensor } from '../weights/weights.ts';
import type { ClassProbabilities } from './decode-prediction.ts';

/** Probabilities of the foreground classes in a box of the teacher's grid. Outside it, all is background. */
export type SoftLabel = readonly Volume<Float32Array>[];

/** Least foreground probability of a voxel in the box. It is small because a temperature increases it. */
const NEGLIGIBLE = 1e-3;

/** The box in which a teacher found anything; undefined if it found nothing. Background comes first in `maps`. */
export function softLabelOf(maps: ClassProbabilities): SoftLabel | undefined {
  const [background, ...foreground] = maps;
  // With its neighbours, towards which the probabilities fade.
  const margin = background ? Math.max(...spacingOf(background.affine)) : 0;
  const box = background && boxAround(background, (value) => value <= 1 - NEGLIGIBLE, margin);
  return box && foreground.map((map) => crop(map, box));
}

/** The file of a soft label as F16, x fastest: one tensor [class, z, y, x]. The report next to it holds its affine. */
export function encodeSoftLabel(label: SoftLabel): Uint8Array {
  const [nx, ny, nz] = label[0]?.shape ?? [0, 0, 0];
  const data = new Float32Array(label.length * nx * ny * nz);
  for (const [index, map] of label.entries()) data.set(map.data, index * map.data.length);
  const tensor: WeightTensor = { dtype: 'F32', shape: [label.length, nz, ny, nx], data };
  return encodeSafetensors(new Map([[TENSOR, tensor]]), {}, { dtype: 'F16' });
}

/** @throws FedcardioError `BAD_WEIGHTS` unless {@link encodeSoftLabel} wrote the file */
export function decodeSoftLabel(bytes: Uint8Array, affine: Affine): SoftLabel {
  const tensor = decodeSafetensors(bytes, { finite: true }).get(TENSOR);
  if (tensor?.shape.length !== 4) throw badWeights(`it holds no "${TENSOR}" of [class, z, y, x].`);
  const [classes, nz, ny, nx] = tensor.shape as [number, number, number, number];
  const voxels = nx * ny * nz;
  return Array.from({ length: classes }, (_, index) => ({
    affine,
    shape: [nx, ny, nz],
    data: tensor.data.subarray(index * voxels, (index + 1) * voxels),
  }));
}

const TENSOR = 'probabilities';
