import { determinant } from '../imaging/affine.ts';
import type { Volume } from '../imaging/volume.ts';

/**
 * Volume of the mask's voxels of class `label`, mm³.
 *
 * No Agatston score: that is defined on 3 mm slices without contrast (Agatston 1990), which a planning CT is not.
 */
export function calciumVolume(mask: Volume, label = 1): number {
  let voxels = 0;
  for (let i = 0; i < mask.data.length; i += 1) if (mask.data[i] === label) voxels += 1;
  return voxels * Math.abs(determinant(mask.affine));
}
