/** How alike two images of equal size are. */
export interface Similarity {
  /** Pearson's correlation of the voxels. */
  readonly correlation: number;
  /** Peak signal-to-noise ratio, dB, of the image after the best change of brightness and contrast; the peak is the truth's range. */
  readonly psnr: number;
  /** Structural similarity (Wang et al. 2004) over all voxels at once, after the same change. */
  readonly ssim: number;
}

/** Compares an image with the truth. A network with instance norm hides brightness and contrast, so that these do not count. */
export function similarityOf(truth: Float32Array, image: Float32Array): Similarity {
  const [a, b] = [momentsOf(truth), momentsOf(image)];
  const covariance =
    truth.reduce((sum, value, i) => sum + (value - a.mean) * ((image[i] as number) - b.mean), 0) / truth.length;
  const correlation = a.variance * b.variance > 0 ? covariance / Math.sqrt(a.variance * b.variance) : 0;
  const slope = b.variance > 0 ? covariance / b.variance : 0;
  // Of the fitted image: mean a.mean, variance slope²·b.variance, covariance with the truth slope·covariance.
  const error = a.variance - slope * covariance;
  const range = a.high - a.low;
  const fitted = { variance: slope * slope * b.variance, covariance: slope * covariance };
  const c2 = (0.03 * range) ** 2;
  // The fit makes the means equal, so that the luminance term is 1.
  const ssim = (2 * fitted.covariance + c2) / (a.variance + fitted.variance + c2);
  return { correlation, psnr: 10 * Math.log10(range ** 2 / Math.max(error, 1e-12 * range ** 2)), ssim };
}

function momentsOf(values: Float32Array) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const low = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const high = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  return { mean, variance, low, high };
}
