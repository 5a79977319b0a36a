import { FedcardioError } from '../error.ts';
import { spacingOf } from './affine.ts';
import type { Affine } from './volume.ts';

/** Letters of the negative and the positive direction of each world axis. */
const LETTERS = ['LR', 'PA', 'IS'] as const;

type Axis = 0 | 1 | 2;
export interface SignedAxis {
  readonly axis: Axis;
  readonly sign: 1 | -1;
}
/** The world axis (0 right, 1 anterior, 2 superior) that each voxel axis x, y, z runs along. */
export type Directions = readonly [SignedAxis, SignedAxis, SignedAxis];

/**
 * The world axis nearest to each voxel axis, each world axis once. The largest direction cosine is assigned first, so
 * that oblique volumes have an orientation too.
 */
export function directionsOf(affine: Affine): Directions {
  const spacing = spacingOf(affine);
  const pairs = ([0, 1, 2] as const)
    .flatMap((voxel) =>
      ([0, 1, 2] as const).map((world) => ({ voxel, world, cosine: affine[world][voxel] / spacing[voxel] })),
    )
    .sort((a, b) => Math.abs(b.cosine) - Math.abs(a.cosine));
  const found = new Map<Axis, SignedAxis>();
  const taken = new Set<Axis>();
  for (const { voxel, world, cosine } of pairs) {
    if (found.has(voxel) || taken.has(world)) continue;
    found.set(voxel, { axis: world, sign: cosine < 0 ? -1 : 1 });
    taken.add(world);
  }
  return [found.get(0) as SignedAxis, found.get(1) as SignedAxis, found.get(2) as SignedAxis];
}

/** Directions of the voxel axes x, y, z: "LPS" means x to the left, y to the back, z to the head. */
export const orientationOf = (affine: Affine): string =>
  directionsOf(affine)
    .map(({ axis, sign }) => LETTERS[axis][sign < 0 ? 0 : 1])
    .join('');

/**
 * The directions that a code such as "RAS" names.
 *
 * @throws BAD_CONFIGURATION unless it has one letter each of LR, PA and IS
 */
export function parseOrientation(code: string): Directions {
  const directions = [...code.toUpperCase()].map((letter) => {
    const axis = LETTERS.findIndex((pair) => pair.includes(letter));
    return { axis, sign: LETTERS[axis]?.[0] === letter ? -1 : 1 };
  });
  const complete = directions.length === 3 && [0, 1, 2].every((axis) => directions.some((d) => d.axis === axis));
  if (!complete) {
    throw new FedcardioError('BAD_CONFIGURATION', `"${code}" is not an orientation of three axes.`, {
      hint: 'Name one of L and R, one of P and A, one of I and S, in the order of the voxel axes, as in "LPS".',
    });
  }
  return directions as unknown as Directions;
}
