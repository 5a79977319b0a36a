import type { Vec3 } from '../imaging/volume.ts';
import { type Random, uniform } from '../random.ts';
import { add, times } from './frame.ts';
import { type Organ, organ, type Tissue } from './organ.ts';
import type { Placement } from './placement.ts';
import { type Root, SEPTUM_DEGREES } from './root.ts';
import { ellipsoid, type Knot, pillar, type Solid, thickened, tube } from './solids.ts';

/** Chest wall, lungs, mediastinal fat, spine, oesophagus and descending aorta, in the order of painting. */
export function chestOf({ chest, heart }: Placement): readonly Organ[] {
  const spine = (shell: number) => pillar([3, -68], [21 - shell, 17 - shell], 200);
  const descending = (wall: number) =>
    tube([
      [-27, -53, -200, 11.5 + wall],
      [-25, -52, 200, 12 + wall],
    ]);
  return [
    organ(chest, 'chest wall', 'muscle', pillar([0, -5], [150, 112], 200)),
    organ(chest, 'lungs', 'lung', pillar([0, 0], [125, 82], 200)),
    organ(chest, 'posterior mediastinum', 'fat', pillar([-8, -52], [31, 20], 200)),
    organ(
      chest,
      'upper mediastinum',
      'fat',
      tube([
        [6, 0, 0, 42],
        [6, 0, 140, 34],
      ]),
    ),
    organ(heart, 'pericardium', 'fat', ellipsoid([-4, 11, -18], [57, 50, 58])),
    organ(chest, 'vertebra', 'denseBone', spine(0)),
    organ(chest, 'vertebra', 'spongyBone', spine(1.5)),
    organ(
      chest,
      'oesophagus',
      'oesophagus',
      tube([
        [-4, -50, -200, 6],
        [-4, -49, 200, 6],
      ]),
    ),
    organ(chest, 'descending aorta', 'vesselWall', descending(1.5)),
    organ(chest, 'descending aorta', 'leftBlood', descending(0)),
  ];
}

/**
 * Left atrium, right heart and their great vessels, in the order of painting: first the walls, then the lumina that
 * join through them.
 */
export function chambersOf(root: Root, placement: Placement, random: Random): readonly Organ[] {
  const shift = (): Vec3 => [uniform(random, -2, 2), uniform(random, -2, 2), uniform(random, -2, 2)];
  const chamber = (centre: Vec3, halfAxes: Vec3): Solid =>
    ellipsoid(add(centre, shift()), times(halfAxes, uniform(random, 0.95, 1.05)));
  const vessel = (...knots: readonly Knot[]): Solid => {
    const [x, y, z] = shift();
    const factor = uniform(random, 0.93, 1.07);
    return tube(knots.map(([a, b, c, r]) => [a + x, b + y, c + z, r * factor]));
  };
  const wall = (name: string, solid: Solid, thickness: number, tissue: Tissue = 'vesselWall') =>
    organ(placement.heart, name, tissue, thickened(solid, thickness));
  const left = (name: string, solid: Solid) => organ(placement.heart, name, 'leftBlood', solid);
  const right = (name: string, solid: Solid) => organ(placement.heart, name, 'rightBlood', solid);

  const leftAtrium = chamber([-6, -27, 2], [31, 15, 23]);
  const appendage = vessel([-26, -24, 8, 8], [-36, -10, 16, 7], [-40, 4, 16, 5]);
  const veins = [vessel([14, -32, 10, 7], [52, -40, 16, 7]), vessel([-28, -34, 10, 7], [-56, -48, 16, 7])];
  const rightAtrium = chamber([34, 7, -9], [20, 25, 31]);
  const rightVentricle = chamber([2, 37, -32], [36, 25, 34]);
  const cava = vessel([38, -8, 4, 9], [40, -10, 30, 9], [40, -12, 90, 9]);
  const outflow: readonly Knot[] = [
    [-2, 36, -12, 15],
    [-11, 33, 6, 13],
    [-20, 26, 22, 13],
    [-26, 11, 41, 13.5],
  ];
  const pulmonary = vessel(...outflow, [-22, -7, 52, 12], [6, -20, 50, 10], [44, -24, 44, 9]);
  return [
    wall('left atrial appendage', appendage, 1),
    wall('left atrium', leftAtrium, 2),
    ...veins.map((vein) => wall('pulmonary vein', vein, 1)),
    left('left atrial appendage', appendage),
    left('left atrium', leftAtrium),
    ...veins.map((vein) => left('pulmonary vein', vein)),
    wall('superior vena cava', cava, 1),
    wall('right atrium', rightAtrium, 2),
    right('superior vena cava', cava),
    right('right atrium', rightAtrium),
    wall('right ventricle', rightVentricle, 3, 'myocardium'),
    wall('pulmonary trunk', pulmonary, 2),
    right('right ventricle', rightVentricle),
    right('pulmonary trunk', pulmonary),
    organ(placement.root, 'tricuspid recess', 'rightBlood', tricuspidRecess(root)),
  ];
}

/**
 * Where right atrium and ventricle meet, only a thin sheet, the membranous septum, separates them from the outflow
 * tract.
 */
function tricuspidRecess(root: Root): Solid {
  const [u, v] = root.onWall(SEPTUM_DEGREES, -5, 9.6);
  return ellipsoid([u, v, -6], [9, 9, 10]);
}
