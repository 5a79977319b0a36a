import type { Vec3 } from '../imaging/volume.ts';
import { add, cross, dot, type Frame, normalised, rotatedAxes, subtract, times, within } from './frame.ts';
import type { Patient } from './patient.ts';

/**
 * The three frames in which the anatomy is described; the origin of each is the centre of the annulus. `chest` and
 * `heart` have the axes right, front, up (mm; the heart's at size 1), `root` has those of `Root`.
 */
export interface Placement {
  readonly chest: Frame;
  readonly heart: Frame;
  readonly root: Frame;
}

/** The root leaves the ventricle upwards, tilted to the patient's right and slightly to the front. */
const ROOT_AXIS = normalised([0.52, 0.18, 0.83]);

/** Frames of a patient's chest, heart and aortic root in the scanner's world (RAS, mm). */
export function placementOf(patient: Patient): Placement {
  const origin = add(patient.tableMm, patient.offsetMm);
  const chest = { origin, axes: rotatedAxes(patient.chestDegrees), scale: 1 };
  const heart = { origin, axes: rotatedAxes(patient.heartDegrees), scale: patient.size };
  return { chest, heart, root: within(heart, { origin: [0, 0, 0], axes: rootAxes(patient.twistDegrees), scale: 1 }) };
}

function rootAxes(twistDegrees: number): readonly [Vec3, Vec3, Vec3] {
  const w = ROOT_AXIS;
  const front: Vec3 = [0, 1, 0];
  const v0 = normalised(subtract(front, times(w, dot(front, w))));
  const u0 = cross(v0, w);
  const [[c, s]] = rotatedAxes([0, 0, twistDegrees]);
  const u = add(times(u0, c), times(v0, s));
  return [u, cross(w, u), w];
}
