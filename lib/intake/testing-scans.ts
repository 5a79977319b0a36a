import { affineOf, centreOf } from '../imaging/affine.ts';
import { crop } from '../imaging/box.ts';
import { parseHeader } from '../imaging/nifti-header.ts';
import { writeNifti } from '../imaging/nifti-write.ts';
import type { Vec3, Volume } from '../imaging/volume.ts';
import { seededRandom, uniform } from '../random.ts';
import { createPairFinder } from './same-scan.ts';
import { createSketcher } from './sketch.ts';

/** Helpers for tests of images of one scan. */

/** The sketch of a CT in HU whose values arrive in pieces of `piece`. */
export function sketchOf(volume: Volume, piece = volume.data.length): string {
  const sketcher = createSketcher(
    parseHeader(writeNifti({ ...volume, data: new Int16Array(volume.data.length) }, { gzip: false })),
  );
  for (let i = 0; i < volume.data.length; i += piece) sketcher.take(volume.data.subarray(i, i + piece));
  return sketcher.result() as string;
}

const random = seededRandom('noise');
/** The last `share` along an axis, with noise of up to 2 HU. */
export function part(volume: Volume, share: number, axis: 0 | 1 | 2): Volume {
  const first = [0, 0, 0];
  first[axis] = Math.round(volume.shape[axis] * (1 - share));
  const cut = crop(volume, { first: first as unknown as Vec3, end: volume.shape });
  return { ...cut, data: Int16Array.from(cut.data, (hu) => hu + Math.round(uniform(random, -2, 2))) };
}

/** The same volume with its centre at the world's origin. */
export const centred = (volume: Volume): Volume => {
  const centre = centreOf(volume);
  const rows = volume.affine
    .slice(0, 3)
    .map((row, axis) => [...row.slice(0, 3), (row[3] as number) - (centre[axis] as number)]);
  return { ...volume, affine: affineOf(rows) };
};

/** The pairs of CTs that are suspected to be of one scan, as indices, sorted. */
export function suspectedPairs(
  training: readonly Volume[],
  heldOut: readonly Volume[],
): readonly (readonly number[])[] {
  const pairs = createPairFinder().find([
    ...training.map((ct, i) => ({ case: `${i}`, use: 'training' as const, sketch: sketchOf(ct) })),
    ...heldOut.map((ct, i) => ({ case: `h${i}`, use: 'evaluation' as const, sketch: sketchOf(ct) })),
  ]);
  const indices = pairs.map(({ training, heldOut }) => [Number(training), Number(heldOut.slice(1))] as const);
  return [...indices].sort(([a, b], [c, d]) => a - c || b - d);
}
