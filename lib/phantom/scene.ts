import { seededRandom } from '../random.ts';
import { calciumOf, type Nodule } from './calcium.ts';
import { type Coronaries, coronariesOf } from './coronaries.ts';
import { leftHeartOf } from './left-heart.ts';
import { type Organ, organ } from './organ.ts';
import { drawPatient, type Patient } from './patient.ts';
import { type Placement, placementOf } from './placement.ts';
import { createRoot, type Root } from './root.ts';
import { chambersOf, chestOf } from './surroundings.ts';

/** A patient's exact anatomy, independent of any image. */
export interface Scene {
  readonly patient: Patient;
  readonly placement: Placement;
  readonly root: Root;
  readonly coronaries: Coronaries;
  /** All but calcium, in the order of painting: later organs cover earlier ones. */
  readonly organs: readonly Organ[];
  readonly calcium: readonly Nodule[];
}

/**
 * The anatomy of the patient with this seed. Every part has its own random numbers, so that a change in one does not
 * shift another's.
 */
export function sceneOf(seed: number): Scene {
  const stream = (part: string) => seededRandom('phantom', part, seed);
  const patient = drawPatient(stream('patient'));
  const placement = placementOf(patient);
  const root = createRoot(patient.root);
  const coronaries = coronariesOf(patient, root, placement, stream('coronaries'));
  const { heart } = placement;
  const organs = [
    ...chestOf(placement),
    ...chambersOf(root, placement, stream('chambers')),
    ...leftHeartOf(
      root,
      placement,
      coronaries.grooves.map((solid) => organ(heart, 'groove', 'fat', solid)),
      stream('left heart'),
    ),
    ...coronaries.lumina.map((solid) => organ(heart, 'coronary artery', 'leftBlood', solid)),
  ];
  return { patient, placement, root, coronaries, organs, calcium: calciumOf(root, placement.root, stream('calcium')) };
}
