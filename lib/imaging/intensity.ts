import type { VoxelArray } from './volume.ts';

/**
 * The window that a network sees, HU. Below −200 there is only air and lung. Contrast-filled blood is at 250 to 550,
 * and calcium, which must stay brighter than blood, reaches 1,300 and more.
 */
export const HU_WINDOW = { low: -200, high: 1300 } as const;

/**
 * Mean and standard deviation, HU, that standardise a contrast cardiac CT. They are the same for every case and site:
 * those of the clipped voxels above −200 HU of a heart and thoracic aorta (127 and 221), rounded.
 */
export const HU_STATISTICS = { mean: 125, deviation: 220 } as const;

const standard = (hu: number): number => (hu - HU_STATISTICS.mean) / HU_STATISTICS.deviation;

/** Air after {@link standardise}: the fill value outside a standardised volume. */
export const STANDARDISED_AIR = standard(HU_WINDOW.low);

/**
 * HU clipped to {@link HU_WINDOW} and standardised by {@link HU_STATISTICS}, as float32.
 *
 * @param result target array; may be `hu` itself
 */
export function standardise(hu: VoxelArray, result: Float32Array = new Float32Array(hu.length)): Float32Array {
  for (let i = 0; i < hu.length; i += 1) {
    const value = hu[i] as number;
    result[i] = standard(value < HU_WINDOW.low ? HU_WINDOW.low : value > HU_WINDOW.high ? HU_WINDOW.high : value);
  }
  return result;
}
