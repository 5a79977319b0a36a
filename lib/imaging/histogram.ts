import type { Scaling } from './nifti-types.ts';
import type { VoxelArray } from './volume.ts';

/** Range of the histogram, HU: from below the noise of air to above the 12 bits of most scanners. */
const LOWEST = -1200;
const HIGHEST = 3100;

/** The distribution of a volume's values in bins of 1 HU. Its memory does not depend on the volume. */
export interface Histogram {
  /** Least and greatest finite value; Infinity and −Infinity if there is none. */
  readonly min: number;
  readonly max: number;
  /** Number of NaN and infinite values. */
  readonly nonFinite: number;
  /** Number of values from −1,200 HU on. What is below is padding outside the field of view, or no HU at all. */
  readonly inside: number;
  /** The largest number of voxels that share one of the values in [`from`, `to`), in whole HU. */
  peak(from: number, to: number): number;
  /** Number of values in [`from`, `to`), within −1,200 and 3,100 HU, both rounded to whole HU. */
  between(from: number, to: number): number;
  /**
   * The value below which a share of the values in [`from`, ∞) lies, in whole HU, at most 3,100. Values below −1,200
   * do not count.
   */
  quantile(share: number, from?: number): number;
}

/** A histogram that grows while a file is read. */
export interface GrowingHistogram extends Histogram {
  add(stored: VoxelArray, scaling: Scaling): void;
}

export function createHistogram(): GrowingHistogram {
  const bins = new Float64Array(HIGHEST - LOWEST + 1);
  let [min, max, nonFinite, inside] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  const binOf = (hu: number) => Math.max(0, Math.min(bins.length, Math.round(hu) - LOWEST));
  const between = (from: number, to: number) => {
    let sum = 0;
    for (let [i, end] = [binOf(from), binOf(to)]; i < end; i += 1) sum += bins[i] as number;
    return sum;
  };
  return {
    get min() {
      return min;
    },
    get max() {
      return max;
    },
    get nonFinite() {
      return nonFinite;
    },
    get inside() {
      return inside;
    },
    add(stored, { slope, intercept }) {
      for (let i = 0; i < stored.length; i += 1) {
        const value = slope * (stored[i] as number) + intercept;
        // Only NaN and infinities differ from 0 here.
        if (value - value !== 0) {
          nonFinite += 1;
          continue;
        }
        if (value < min) min = value;
        if (value > max) max = value;
        if (value < LOWEST) continue;
        inside += 1;
        const bin = value > HIGHEST ? HIGHEST - LOWEST : (value - LOWEST + 0.5) | 0;
        bins[bin] = (bins[bin] as number) + 1;
      }
    },
    between,
    peak(from, to) {
      let most = 0;
      for (let [i, end] = [binOf(from), binOf(to)]; i < end; i += 1) most = Math.max(most, bins[i] as number);
      return most;
    },
    quantile(share, from = LOWEST) {
      let left = share * between(from, HIGHEST + 1);
      let bin = binOf(from);
      for (; bin < bins.length - 1; bin += 1) {
        left -= bins[bin] as number;
        if (left < 0) break;
      }
      return bin + LOWEST;
    },
  };
}

/**
 * The value that separates the values of [`from`, `to`) best into a dark and a bright class: Otsu's threshold (1979).
 * Values above count as `to`.
 */
export function otsuThreshold(histogram: Histogram, from: number, to: number): number {
  const counts = new Float64Array(to - from + 1);
  for (let i = 0; i < to - from; i += 1) counts[i] = histogram.between(from + i, from + i + 1);
  counts[to - from] = histogram.between(to, HIGHEST + 1);
  let [total, sum] = [0, 0];
  for (let i = 0; i < counts.length; i += 1) {
    total += counts[i] as number;
    sum += i * (counts[i] as number);
  }
  const mean = sum / total;
  let [dark, darkSum, best, at] = [0, 0, 0, 0];
  for (let i = 0; i < counts.length; i += 1) {
    const n = counts[i] as number;
    dark += n;
    darkSum += n * i;
    if (dark === 0 || dark === total) continue;
    const variance = (mean * dark - darkSum) ** 2 / (dark * (total - dark));
    if (variance > best) [best, at] = [variance, i + 1];
  }
  return from + at;
}
