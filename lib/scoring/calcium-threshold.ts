import { voxelsOf } from '../imaging/affine.ts';
import { forEachVoxelWithin } from '../imaging/ball.ts';
import { connectedTo } from '../imaging/connected-components.ts';
import type { Vec3, Volume } from '../imaging/volume.ts';
import { median } from './quantile.ts';

/** Calcium by a threshold above blood, near the annulus of the aortic valve. */
export interface CalciumRule {
  /** Radius of the ball around the centre of the annulus in which calcium is sought, mm. */
  readonly within: number;
  /** HU above the median of blood from which a voxel is calcium. */
  readonly aboveBlood: number;
  /** With a place: calcium at most this far from the place's mask is taken, with all that is connected to it, mm. */
  readonly reach: number;
}

/** Radius of the ball of blood in the centre of the annulus, mm. The smallest annulus is about 18 mm across. */
const BLOOD_RADIUS_MM = 5;

/**
 * Calcium of the aortic valve in a contrast CT without a network of its own: voxels that are brighter than the patient's
 * blood by `aboveBlood`. Blood is the median HU around the centre of the annulus, in the outflow tract, so that a
 * threshold follows the contrast phase (Bettinger et al. 2017, J Cardiovasc Comput Tomogr 11:302, with + 100 HU). Nothing but calcium and metal is brighter there.
 *
 * @param image in HU
 * @param annulus centre of the annulus (RAS, mm)
 * @param place a network's mask of calcium on the same grid. Only components of bright voxels (26-connectivity) that
 *   come within `reach` of it are taken: the network's place with the threshold's border
 * @returns 1 for calcium, on the image's grid. Empty if the annulus lies outside the image
 */
export function calciumByThreshold(
  image: Volume,
  annulus: Vec3,
  { within, aboveBlood, reach }: CalciumRule,
  place?: Volume,
): Volume<Uint8Array> {
  const { shape, affine } = image;
  const mask = { shape, affine, data: new Uint8Array(voxelsOf(shape)) };
  const blood = bloodHu(image, annulus);
  if (blood === null) return mask;
  forEachVoxelWithin(image, annulus, within, (index) => {
    if ((image.data[index] as number) >= blood + aboveBlood) mask.data[index] = 1;
  });
  if (!place) return mask;
  return { ...mask, data: connectedTo(voxelsNear(mask, place, annulus, within, reach), mask.data, shape) };
}

/** Median HU of the blood in the centre of the annulus; null outside the image. */
function bloodHu(image: Volume, annulus: Vec3): number | null {
  const values: number[] = [];
  forEachVoxelWithin(image, annulus, BLOOD_RADIUS_MM, (index) => values.push(image.data[index] as number));
  return median(values);
}

/** Voxels of the mask that are at most `reach` from the place. */
function voxelsNear(mask: Volume, place: Volume, annulus: Vec3, within: number, reach: number): ReadonlySet<number> {
  const near = new Set<number>();
  forEachVoxelWithin(mask, annulus, within + reach, (index, _, position) => {
    if (place.data[index] === 0) return;
    forEachVoxelWithin(mask, position, reach, (other) => {
      if (mask.data[other] !== 0) near.add(other);
    });
  });
  return near;
}
