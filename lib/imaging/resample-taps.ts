import { AVERAGE_FROM_STEP, type Interpolation } from './interpolation.ts';

/** The source voxels of one axis that each target voxel is made of, with their weights. */
export interface Taps {
  /** Target voxels `from` up to `to` (exclusive) have their centre in the source. The others are filled. */
  readonly from: number;
  readonly to: number;
  /** Taps per target voxel: tap k of voxel t is at `t * width + k`. Unused taps repeat an index with weight 0. */
  readonly width: number;
  readonly index: Int32Array;
  readonly weight: Float32Array;
}

/** One source voxel of a target voxel. */
export interface Tap {
  readonly index: number;
  readonly weight: number;
}

/** The taps of one target voxel whose weight is not 0. */
export const tapsAt = ({ width, index, weight }: Taps, target: number): readonly Tap[] =>
  Array.from({ length: width }, (_, k) => target * width + k)
    .map((at) => ({ index: index[at] as number, weight: weight[at] as number }))
    .filter((tap) => tap.weight !== 0);

/**
 * The taps of one axis. Target voxel t lies at `offset + step * t` in source voxels (`step` may be negative); source
 * voxel i covers i − ½ to i + ½.
 */
export function tapsOf(source: number, target: number, offset: number, step: number, how: Interpolation): Taps {
  const average = how === 'linear' && Math.abs(step) >= AVERAGE_FROM_STEP;
  const width = how === 'nearest' ? 1 : average ? Math.ceil(Math.abs(step)) + 1 : 2;
  const index = new Int32Array(target * width);
  const weight = new Float32Array(target * width);
  let from = target;
  let to = 0;
  for (let t = 0; t < target; t += 1) {
    const position = offset + step * t;
    if (position < -0.5 || position > source - 0.5) continue;
    from = Math.min(from, t);
    to = t + 1;
    const at = t * width;
    if (how === 'nearest') {
      index[at] = clamp(Math.floor(position + 0.5), source);
      weight[at] = 1;
    } else if (average) {
      averageTaps(position, Math.abs(step), source, index.subarray(at, at + width), weight.subarray(at, at + width));
    } else {
      const below = Math.floor(position);
      index[at] = clamp(below, source);
      index[at + 1] = clamp(below + 1, source);
      weight[at] = 1 - (position - below);
      weight[at + 1] = position - below;
    }
  }
  return { from: Math.min(from, to), to, width, index, weight };
}

/** Each weight is the share of the target voxel, within the source, that the source voxel covers. */
function averageTaps(position: number, length: number, source: number, index: Int32Array, weight: Float32Array): void {
  const start = Math.max(-0.5, position - length / 2);
  const end = Math.min(source - 0.5, position + length / 2);
  const first = Math.floor(start + 0.5);
  for (let k = 0; k < index.length; k += 1) {
    const covered = Math.min(end, first + k + 0.5) - Math.max(start, first + k - 0.5);
    index[k] = clamp(first + k, source);
    weight[k] = Math.max(0, covered) / (end - start);
  }
}

const clamp = (i: number, size: number): number => (i < 0 ? 0 : i >= size ? size - 1 : i);
