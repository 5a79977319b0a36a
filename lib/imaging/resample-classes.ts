import { voxelsOf } from './affine.ts';
import { linearPlanes } from './resample.ts';
import type { Grid, Volume } from './volume.ts';

/** Reads plane z of a class map and the probabilities of its classes, both [y, x]. They are only lent. */
export type ClassPlaneReader = (z: number, classes: Uint8Array, probabilities: Float32Array) => void;

/**
 * The likeliest class of every voxel on another grid. The probabilities are interpolated linearly, plane by plane: on a
 * CT's own grid a single class would take half a gigabyte.
 *
 * @param probabilities one volume per class, background first, all on one grid; beyond it is background
 * @param onPlane gets every plane's classes and their probabilities, which are not kept
 * @returns class map; the first of equally likely classes
 */
export function resampleClasses(
  probabilities: readonly Volume[],
  { shape, affine }: Grid,
  onPlane?: ClassPlaneReader,
): Volume<Uint8Array> {
  const writers = probabilities.map((map, label) => linearPlanes(map, { shape, affine }, label === 0 ? 1 : 0));
  const size = shape[0] * shape[1];
  const [best, plane] = [new Float32Array(size), new Float32Array(size)];
  const data = new Uint8Array(voxelsOf(shape));
  for (let z = 0; z < shape[2]; z += 1) {
    const classes = data.subarray(size * z, size * (z + 1));
    writers.forEach((write, label) => {
      write(z, label === 0 ? best : plane);
      if (label > 0) overtake(classes, best, plane, label);
    });
    onPlane?.(z, classes, best);
  }
  return { shape, affine, data };
}

function overtake(classes: Uint8Array, best: Float32Array, plane: Float32Array, label: number): void {
  for (let i = 0; i < plane.length; i += 1) {
    // Written so that NaN does not win.
    if (!((plane[i] as number) > (best[i] as number))) continue;
    best[i] = plane[i] as number;
    classes[i] = label;
  }
}
