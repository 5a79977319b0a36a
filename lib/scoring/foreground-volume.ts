import { determinant } from '../imaging/affine.ts';
import type { Volume } from '../imaging/volume.ts';

/**
 * Volume of the foreground of a class map, all classes together, mm³.
 *
 * There is no Agatston score: it is defined on 3 mm slices without contrast (Agatston 1990), unlike a planning CT.
 */
export function foregroundVolume(mask: Volume): number {
  let voxels = 0;
  for (let i = 0; i < mask.data.length; i += 1) if (mask.data[i] !== 0) voxels += 1;
  return voxels * Math.abs(determinant(mask.affine));
}
