import { TASKS } from '../../lib/federation/tasks.ts';
import { writeMarkups } from '../../lib/imaging/markups.ts';
import { writeNifti } from '../../lib/imaging/nifti-write.ts';
import { generatePhantom } from '../../lib/phantom/phantom.ts';
import { scannerOf } from '../../lib/phantom/scanner.ts';

/** A CT of 31³ voxels and its labels. */
export interface ToyVolume {
  readonly image: Buffer;
  readonly hingePoints: Uint8Array | string;
}

const known = new Map<number, ToyVolume>();

/** One of the campaign's volumes. */
export function volume(seed: number): ToyVolume {
  const found = known.get(seed);
  if (found) return found;
  const scanner = { ...scannerOf(seed, 1), pixelMm: 3.1, sliceMm: 3.7 };
  const { image, points } = generatePhantom({ seed, scanner, fieldOfViewMm: 96 });
  const landmarks = points['hinge-points'].map((position, index) => ({ label: index + 1, position }));
  const made = {
    image: Buffer.from(writeNifti(image)),
    hingePoints: writeMarkups(landmarks, TASKS['hinge-points'].classes),
  };
  known.set(seed, made);
  return made;
}
