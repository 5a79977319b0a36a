import { determinant } from '../imaging/affine.ts';
import type { Volume } from '../imaging/volume.ts';

/**
 * Volume of the voxels of class `label` in a class map, mm³.
 *
 * There is no Agatston score: it is defined on 3 mm slices without contrast (Agatston 1990), unlike a planning CT.
 */
export function classVolume(mask: Volume, label = 1): number {
  let voxels = 0;
  for (let i = 0; i < mask.data.length; i += 1) if (mask.data[i] === label) voxels += 1;
  return voxels * Math.abs(determinant(mask.affine));
}
