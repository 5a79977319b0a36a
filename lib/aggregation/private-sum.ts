import type { Kernels } from './kernels.ts';

/** How the differences of a round are added up so that no site shows in the result. */
export interface PrivateMerge {
  /** Largest L2 norm of a difference. */
  readonly clip: number;
  /** The sum is divided by this, however many updates there are. */
  readonly divisor: number;
  /** Differences are rounded to multiples of this, and added up as whole numbers. */
  readonly step: number;
  /** Starts the noise of a merge, which draws it for one value after another, in steps; absent if the sites have added it. */
  readonly noise?: () => () => number;
}

/** Adds up a slice's differences from the model that they started from. Every update has the same weight. */
export function createPrivateSum(capacity: number, { divisor, step }: PrivateMerge, kernels: Kernels, draw = () => 0) {
  const sums = kernels.float64(capacity).fill(0);
  return {
    /**
     * Adds the slice of an update.
     *
     * @param from what is subtracted from its values; undefined if they are differences
     * @param factor that the difference is scaled with
     */
    add: (values: Float32Array, from: Float32Array | undefined, factor: number): void => {
      const scale = factor / step;
      for (let i = 0; i < values.length; i++) {
        const difference = (values[i] as number) - (from ? (from[i] as number) : 0);
        sums[i] = (sums[i] as number) + Math.round(difference * scale);
      }
    },
    /** Writes `base` plus the noisy mean. The next `add` starts a new slice. */
    finish: (base: Float32Array, merged: Float32Array): void => {
      for (let i = 0; i < merged.length; i++) {
        merged[i] = (base[i] as number) + (((sums[i] as number) + draw()) * step) / divisor;
      }
      sums.fill(0);
    },
  };
}
