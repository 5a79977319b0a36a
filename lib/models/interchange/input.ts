import { HU_STATISTICS, HU_WINDOW } from '../../imaging/intensity.ts';

/** Intensities of a network's input, HU: clipped to `low` … `high`, minus `mean`, over `deviation`. */
export const INTENSITY = { ...HU_WINDOW, ...HU_STATISTICS };

/** The input of the network for an intensity within the window. */
export const standard = (hu: number): number => (hu - INTENSITY.mean) / INTENSITY.deviation;
