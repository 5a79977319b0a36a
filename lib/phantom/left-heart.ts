import type { Vec3 } from '../imaging/volume.ts';
import { type Random, uniform } from '../random.ts';
import { add, lerp, normalised, subtract, times, toLocal, toWorld } from './frame.ts';
import { type Organ, organ } from './organ.ts';
import type { Placement } from './placement.ts';
import { type Root, TAPER } from './root.ts';
import { type Box, disc, type Solid, spheroid, thickened, tube } from './solids.ts';

const VENTRICLE: Vec3 = [-32, 14, -40];
const TO_APEX = normalised([-0.6, 0.42, -0.68]);
const HALF_LENGTH = 42;
/** Axis and radius of the mitral orifice. */
const ATRIAL: Vec3 = [-14, -25, -6];
const VENTRICULAR: Vec3 = [-28, -3, -30];
const MITRAL_RADIUS = 12;
const OUTFLOW_END = -23;
const AORTIC_WALL = 1.7;
const MITRAL_LEAFLET = 1.4;

/**
 * Left ventricle, mitral valve, aortic root and ascending aorta in the order of painting. `grooves`, the fat around the
 * coronaries, comes after the muscle, which it covers, and before the root, which covers it.
 */
export function leftHeartOf(
  root: Root,
  placement: Placement,
  grooves: readonly Organ[],
  random: Random,
): readonly Organ[] {
  const { annulusRadius, sinusHeight, leafletThickness } = root.shape;
  const { heart } = placement;
  const cavity = spheroid(VENTRICLE, TO_APEX, HALF_LENGTH, 22 * uniform(random, 0.94, 1.06));
  // Shifted towards the apex, the outer surface approaches the inner one at the base: muscle thins towards the valves.
  const muscle = spheroid(add(VENTRICLE, times(TO_APEX, 4)), TO_APEX, HALF_LENGTH + 6, 22 + uniform(random, 9, 12));
  const inflow = tube([
    [...ATRIAL, MITRAL_RADIUS],
    [...VENTRICULAR, MITRAL_RADIUS],
  ]);
  const annulus = tube([
    [...lerp(ATRIAL, VENTRICULAR, 0.6), MITRAL_RADIUS + 2.5],
    [...VENTRICULAR, MITRAL_RADIUS + 2.5],
  ]);
  const leaflet = disc(lerp(ATRIAL, VENTRICULAR, 0.5), normalised(subtract(VENTRICULAR, ATRIAL)), MITRAL_RADIUS);
  const aorta = ascendingAorta(root, placement);
  const rootBox = (margin: number, from: number, to: number): Box => {
    const reach = annulusRadius + root.shape.sinusBulge + 2 + margin;
    return { min: [-reach, -reach, from], max: [reach, reach, to] };
  };
  const top = sinusHeight + TAPER;
  const inRoot = (
    name: string,
    tissue: Organ['tissue'],
    distance: Solid['distance'],
    box: Box,
    sheetThickness?: number,
  ) => organ(placement.root, name, tissue, { distance, box }, sheetThickness);
  return [
    organ(heart, 'left ventricle', 'myocardium', muscle),
    ...grooves,
    inRoot('epicardial fat', 'fat', root.fat, rootBox(6, -1, top)),
    organ(heart, 'ascending aorta', 'fat', thickened(aorta, 3)),
    organ(heart, 'mitral annulus', 'myocardium', annulus),
    organ(heart, 'mitral inflow', 'leftBlood', inflow),
    inRoot('septum', 'myocardium', root.muscle, rootBox(10, OUTFLOW_END, 1)),
    inRoot('aortic root', 'vesselWall', root.wall(AORTIC_WALL), rootBox(2, OUTFLOW_END, top)),
    organ(heart, 'ascending aorta', 'vesselWall', thickened(aorta, AORTIC_WALL)),
    organ(heart, 'ascending aorta', 'leftBlood', aorta),
    inRoot('aortic root', 'leftBlood', root.lumen, rootBox(0, OUTFLOW_END, top)),
    organ(heart, 'left ventricle', 'leftBlood', cavity),
    organ(heart, 'mitral valve', 'leaflet', leaflet, MITRAL_LEAFLET),
    inRoot('aortic valve', 'leaflet', root.leaflets, rootBox(0, -2, sinusHeight + 2), leafletThickness),
  ];
}

/** Above the sinotubular junction the aorta leaves the axis of the root: upwards, then back to the arch. */
function ascendingAorta({ shape }: Root, { heart, root }: Placement): Solid {
  const r = shape.ascendingRadius;
  const [x, y, z] = toLocal(heart, toWorld(root, [0, 0, shape.sinusHeight + TAPER]));
  return tube([
    [x, y, z, r],
    [x + 5, y + 1, z + 14, r * 1.03],
    [x + 6, y - 3, z + 32, r * 1.05],
    [x + 1, y - 12, z + 52, r * 1.03],
  ]);
}
