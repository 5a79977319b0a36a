import { seededRandom, uniform } from '../random.ts';

/** How a site's CT renders every patient that it scans. */
export interface Scanner {
  readonly name: string;
  /** Pixel and slice spacing, mm, before the patient's own reconstruction field. */
  readonly pixelMm: number;
  readonly sliceMm: number;
  /** World directions of the file's axes: in "LPS" the first axis runs to the patient's left. */
  readonly orientation: string;
  /** Standard deviation of the point spread before the kernel, mm. */
  readonly blurMm: number;
  /**
   * Negative for a smoothing kernel, positive for a sharpening one, which overshoots at edges and makes the noise
   * grainy.
   */
  readonly sharpness: number;
  /** Standard deviation of the noise, HU. */
  readonly noiseHu: number;
  /** Mean HU of blood in left heart and aorta, and in the right heart: the contrast phase of the site's protocol. */
  readonly leftBloodHu: number;
  readonly rightBloodHu: number;
}

const PROFILES: readonly Scanner[] = [
  profile('soft-kernel', [1.6, 1.6], 'LPS', { blur: 0.8, sharpness: -0.08, noise: 14, blood: [390, 170] }),
  profile('thin-slice', [1.5, 1.5], 'LPS', { blur: 0.6, sharpness: 0, noise: 26, blood: [420, 270] }),
  profile('thick-slice', [1.5, 2.2], 'LAS', { blur: 0.7, sharpness: 0.02, noise: 18, blood: [340, 150] }),
  profile('low-dose', [1.7, 1.9], 'RAS', { blur: 0.7, sharpness: 0, noise: 46, blood: [370, 290] }),
  profile('late-phase', [1.6, 2], 'LPS', { blur: 0.8, sharpness: -0.04, noise: 18, blood: [288, 250] }),
  profile('sharp-kernel', [1.5, 1.8], 'LPS', { blur: 0.6, sharpness: 0.2, noise: 34, blood: [400, 190] }),
  profile('high-iodine', [1.8, 1.8], 'PSR', { blur: 0.7, sharpness: 0.03, noise: 20, blood: [440, 370] }),
  profile('old-scanner', [2, 2.2], 'RPS', { blur: 1.1, sharpness: 0, noise: 38, blood: [310, 155] }),
];

/** Kinds that no hospital of a federation has, outside the range of the eight in noise, sharpness or contrast. */
const EXTERNAL: readonly Scanner[] = [
  profile('photon-counting', [1.3, 1.3], 'LPI', { blur: 0.5, sharpness: 0.28, noise: 30, blood: [500, 320] }),
  profile('low-contrast', [2, 2.5], 'RAI', { blur: 1.3, sharpness: -0.1, noise: 30, blood: [262, 140] }),
];

/** A scanner that {@link scannerOf} never gives: one of two kinds, with settings that the seed varies. */
export const externalScannerOf = (siteIndex: number, seed: number): Scanner => varied(EXTERNAL, siteIndex, seed);

/**
 * The scanner of a site: one of eight kinds by the site's index, with settings that the seed varies by a few per cent.
 * Sites with the same index modulo eight share the kind but not the settings.
 */
export const scannerOf = (siteIndex: number, seed: number): Scanner => varied(PROFILES, siteIndex, seed);

function varied(kinds: readonly Scanner[], siteIndex: number, seed: number): Scanner {
  const base = kinds[siteIndex % kinds.length]!;
  const random = seededRandom('phantom/scanner', seed, siteIndex);
  const vary = (value: number, share: number) => value * uniform(random, 1 - share, 1 + share);
  return {
    ...base,
    blurMm: vary(base.blurMm, 0.1),
    noiseHu: vary(base.noiseHu, 0.15),
    leftBloodHu: vary(base.leftBloodHu, 0.04),
    rightBloodHu: vary(base.rightBloodHu, 0.06),
  };
}

function profile(
  name: string,
  [pixelMm, sliceMm]: readonly [number, number],
  orientation: string,
  look: { blur: number; sharpness: number; noise: number; blood: readonly [number, number] },
): Scanner {
  return {
    name,
    pixelMm,
    sliceMm,
    orientation,
    blurMm: look.blur,
    sharpness: look.sharpness,
    noiseHu: look.noise,
    leftBloodHu: look.blood[0],
    rightBloodHu: look.blood[1],
  };
}
