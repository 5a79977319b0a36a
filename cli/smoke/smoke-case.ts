import { type SiteKey, siteKeys } from '../../lib/federation/keys.ts';
import { LANDMARK_RADIUS_MM, type Task } from '../../lib/federation/tasks.ts';
import { paintLandmarks } from '../../lib/imaging/landmarks.ts';
import { writeNifti } from '../../lib/imaging/nifti-write.ts';
import { generatePhantom } from '../../lib/phantom/phantom.ts';
import { scannerOf } from '../../lib/phantom/scanner.ts';

/** A coarse scan, which is small. */
const COARSE = { pixelMm: 3.1, sliceMm: 3.7 } as const;

/**
 * The files of a synthetic case: a CT, and a label of a task with a sphere for each class. It teaches nothing, but has what
 * intake and training need.
 *
 * @param seed of the patient. Two cases with one seed are duplicates.
 */
export function smokeCase(caseId: string, task: Task, seed: number): readonly { key: SiteKey; body: Uint8Array }[] {
  const { image, points } = generatePhantom({ seed, scanner: { ...scannerOf(0, 1), ...COARSE } });
  const places = points['hinge-points'];
  const spheres = task.classes.map((_, index) => {
    const [x, y, z] = places[index % places.length] ?? [0, 0, 0];
    // More classes than places: the next ones beside the first.
    const shift = 2 * LANDMARK_RADIUS_MM * Math.floor(index / places.length);
    return { label: index + 1, position: [x + shift, y, z] as const };
  });
  return [
    { key: siteKeys.image('training', caseId), body: writeNifti(image) },
    {
      key: siteKeys.label('training', caseId, task.id),
      body: writeNifti(paintLandmarks(spheres, image, LANDMARK_RADIUS_MM)),
    },
  ];
}
