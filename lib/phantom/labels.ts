import { LANDMARK_RADIUS_MM } from '../federation/tasks.ts';
import { paintLandmarks } from '../imaging/landmarks.ts';
import type { Volume } from '../imaging/volume.ts';
import type { LandmarkTask, Phantom, PhantomTask } from './phantom.ts';

/**
 * Class maps of all tasks on the image's grid, as a hospital's reader would store them: landmarks as spheres of
 * LANDMARK_RADIUS_MM in the order of the task's classes, segmentations as they are.
 */
export function labelVolumes({ image, points, masks }: Phantom): Readonly<Record<PhantomTask, Volume<Uint8Array>>> {
  const spheres = (task: LandmarkTask) =>
    paintLandmarks(
      points[task].map((position, index) => ({ label: index + 1, position })),
      image,
      LANDMARK_RADIUS_MM,
    );
  return {
    'hinge-points': spheres('hinge-points'),
    'membranous-septum': spheres('membranous-septum'),
    ...masks,
  };
}
