import { voxelsOf } from '../imaging/affine.ts';
import type { Grid } from '../imaging/volume.ts';
import { HU, type Organ, type Tissue } from './organ.ts';
import { cover, paint, type Structure } from './paint.ts';
import type { Scene } from './scene.ts';

/** Mean HU of blood in the left heart, aorta and coronaries, and in the right heart. */
export interface BloodHu {
  readonly left: number;
  readonly right: number;
}

/** Exact HU of every voxel of the grid, with partial volume, before acquisition by a scanner. */
export function renderScene(scene: Scene, grid: Grid, blood: BloodHu): Float32Array {
  const image = new Float32Array(voxelsOf(grid.shape)).fill(HU.air);
  for (const organ of scene.organs) paint(grid, image, organ, huOf(organ.tissue, blood));
  for (const nodule of scene.calcium) paint(grid, image, nodule, nodule.hu);
  return image;
}

/** 1 if calcium fills at least half of the voxel. */
export const calciumMask = ({ calcium }: Scene, grid: Grid): Uint8Array<ArrayBuffer> => maskOf(grid, calcium);

/** 1 if a coronary lumen fills at least half of the voxel, from the ostium outwards: inside the root it is aorta. */
export function coronaryMask({ organs }: Scene, grid: Grid): Uint8Array<ArrayBuffer> {
  const named = (name: Organ['name']) => organs.filter((organ) => organ.name === name && organ.tissue === 'leftBlood');
  const mask = maskOf(grid, named('coronary artery'));
  const aorta = maskOf(grid, named('aortic root'));
  return mask.map((lumen, index) => (aorta[index] ? 0 : lumen));
}

export const huOf = (tissue: Tissue, blood: BloodHu): number =>
  tissue === 'leftBlood' ? blood.left : tissue === 'rightBlood' ? blood.right : HU[tissue];

function maskOf(grid: Grid, structures: readonly Structure[]): Uint8Array<ArrayBuffer> {
  const mask = new Uint8Array(voxelsOf(grid.shape));
  for (const structure of structures) {
    cover(grid, structure, (index, share) => {
      if (share >= 0.5) mask[index] = 1;
    });
  }
  return mask;
}
