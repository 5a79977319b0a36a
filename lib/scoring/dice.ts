import { FedcardioError } from '../error.ts';
import type { VoxelArray } from '../imaging/volume.ts';

/**
 * Overlap of the voxels of class `label` in two masks on one grid: twice the intersection over the sum (Dice 1945).
 * Null if neither mask has the class.
 *
 * @throws BAD_LABEL if the masks differ in size
 */
export function dice(a: VoxelArray, b: VoxelArray, label = 1): number | null {
  if (a.length !== b.length) {
    throw new FedcardioError('BAD_LABEL', `Masks of ${a.length} and ${b.length} voxels cannot be compared.`, {
      hint: 'Resample one to the grid of the other first.',
    });
  }
  let both = 0;
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) {
    const [inA, inB] = [a[i] === label, b[i] === label];
    if (inA && inB) both += 1;
    sum += Number(inA) + Number(inB);
  }
  return sum === 0 ? null : (2 * both) / sum;
}
