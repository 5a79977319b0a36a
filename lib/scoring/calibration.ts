import type { CalibrationBin } from '../federation/schemas.ts';

/**
 * Whether a model's confidence can be believed: predictions by their confidence, 0 to 1, in bins of equal width, each
 * with the number of correct ones (reliability diagram: DeGroot and Fienberg 1983; Guo et al. 2017).
 */
export type Calibration = readonly CalibrationBin[];

export const CALIBRATION_BINS = 10;

/** Bins that observations are counted into. */
export interface CalibrationCounter {
  /** @param confidence 0 to 1; the upper bound of a bin belongs to the next, and 1 to the last */
  add(confidence: number, correct: boolean): void;
  readonly bins: Calibration;
}

export function calibrationCounter(): CalibrationCounter {
  const bins = Array.from({ length: CALIBRATION_BINS }, () => ({ count: 0, confidence: 0, correct: 0 }));
  return {
    bins,
    add(confidence, correct) {
      const bin = bins[Math.min(CALIBRATION_BINS - 1, Math.floor(confidence * CALIBRATION_BINS))];
      if (!bin) return;
      bin.count += 1;
      bin.confidence += confidence;
      if (correct) bin.correct += 1;
    },
  };
}

/** The bins of several calibrations together. */
export const pooledCalibration = (of: readonly Calibration[]): Calibration =>
  Array.from({ length: CALIBRATION_BINS }, (_, index) =>
    of.reduce(
      (sum, bins) => {
        const { count = 0, confidence = 0, correct = 0 } = bins[index] ?? {};
        return { count: sum.count + count, confidence: sum.confidence + confidence, correct: sum.correct + correct };
      },
      { count: 0, confidence: 0, correct: 0 },
    ),
  );

/**
 * Expected calibration error (Naeini et al. 2015): the mean difference between confidence and share of correct
 * predictions, weighted by the bins' counts. Null without predictions.
 */
export function calibrationError(bins: Calibration): number | null {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return null;
  return bins.reduce((sum, { confidence, correct }) => sum + Math.abs(confidence - correct), 0) / total;
}
