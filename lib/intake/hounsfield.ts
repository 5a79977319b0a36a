import { FedcardioError } from '../error.ts';
import { type Histogram, otsuThreshold } from '../imaging/histogram.ts';
import { CT_INTENSITY } from '../imaging/intensity.ts';

/** Accepted values, HU: 16 bits with an intercept. Siemens' extended scale ends at 30,710. */
const LIMITS = { min: -(2 ** 16), max: 2 ** 15 } as const;
/** A CT spans more than this between its 0.1 and 99.9 % quantiles, HU: from lung or fat to contrast or bone. */
const LEAST_SPAN = 200;
/** Greatest range of an image of 8 bits. */
const BYTE = 255;
/** Air and lung are below, HU; fat is above. */
const LUNG = -250;
/** Air, lung and fat are below, HU, noise of water left aside. */
const FAT = -30;
/** The least share of voxels in which air, lung or fat is seen. */
const LEAST_FAT = 0.005;
/**
 * The median of a CT's bright class lies between, HU: fat and muscle at −100 to 60, blood with contrast up to 800 at
 * low tube voltage. Without the intercept it is at 900 and more.
 */
const BRIGHT = { min: -200, max: 850 } as const;
/** A volume with this share of air and lung at their HU does not lack the intercept, however bright its rest is. */
const ENOUGH_LUNG = 0.03;
/** Lowest value of the histogram, HU. */
const LOWEST = -1200;
/** Lowest value, HU, at which a CT may be cut off: air is below, and noise reaches up to here. */
const AIR = -900;
/** A value is a cut if it holds this share of the voxels and this multiple of each of its neighbours on average. */
const CUT = { share: 1e-5, voxels: 20, times: 3, neighbours: 100 } as const;

/**
 * Checks that the values of a CT can be Hounsfield units, by their distribution: air, lung or fat, soft tissue, range
 * and contrast must be there at their HU. Padding below −1,200 HU does not count. It tells scales apart, not
 * anatomies: a head or an abdomen passes.
 *
 * @throws BAD_IMAGE that says what was found, what a CT has, and what to do
 */
export function checkHounsfield(histogram: Histogram): void {
  const { min, max, nonFinite, inside } = histogram;
  if (nonFinite > 0) {
    throw new FedcardioError('BAD_IMAGE', `${nonFinite} of its voxels are NaN or infinite.`, {
      hint: 'Export the volume as 16-bit integers in HU.',
    });
  }
  if (min === max) {
    throw new FedcardioError('BAD_IMAGE', `It is empty: every voxel has the value ${min}.`, {
      hint: 'Check that the right series was exported.',
    });
  }
  if (min < LIMITS.min || max > LIMITS.max) {
    throw notHounsfield(histogram, 'scanners store at most 16 bits', 'Export the CT in Hounsfield units.');
  }
  if (min >= 0) throw notHounsfield(histogram, 'air and fat are below 0 HU', RESCALE);
  if (inside === 0) {
    throw notHounsfield(histogram, 'air is at -1000 HU, and nothing in a body is below', RESCALE);
  }
  const from = lowestOfBody(histogram);
  const [low, high] = [histogram.quantile(0.001, from), histogram.quantile(0.999, from)];
  if (high - low < LEAST_SPAN || max - histogram.quantile(0, from) <= BYTE) {
    const found = `nearly all lie between ${low} and ${high}; a CT spans from lung or fat to contrast or bone, several hundred HU`;
    throw notHounsfield(histogram, found, 'Export the CT in Hounsfield units, not normalised and not as greyscale.');
  }
  checkCuts(histogram);
  checkTissues(histogram, from);
}

/**
 * The value from which a volume's voxels count, HU: without air and lung, what is at their HU is padding. Padding has
 * one value, air and lung have many.
 */
function lowestOfBody(histogram: Histogram): number {
  const lung = histogram.between(LOWEST, LUNG) - histogram.peak(LOWEST, LUNG);
  const hasOther = histogram.between(LUNG, Number.POSITIVE_INFINITY) > 0;
  return lung >= ENOUGH_LUNG * histogram.inside || !hasOther ? LOWEST : LUNG;
}

function checkCuts(histogram: Histogram): void {
  const { min, max, inside } = histogram;
  const hint = 'Export all values of the series, without a display window and without clipping.';
  const [least, most] = [Math.round(min), Math.round(max)];
  if (most < CT_INTENSITY.high && isCut(histogram, most, -1)) {
    const share = percent(histogram.between(most, most + 1) / inside);
    const found = `they are cut off at ${most} HU, which ${share} of the voxels have; contrast and calcium reach ${CT_INTENSITY.high} HU`;
    throw notHounsfield(histogram, found, hint);
  }
  if (least > AIR && isCut(histogram, least, 1)) {
    const share = percent(histogram.between(least, least + 1) / inside);
    const found = `they are cut off at ${least} HU, which ${share} of the voxels have; lung and air are at -1000 to -500 HU`;
    throw notHounsfield(histogram, found, hint);
  }
}

/** Whether the outermost value holds far more voxels than each of the values next to it. */
function isCut(histogram: Histogram, end: number, inward: 1 | -1): boolean {
  const voxels = histogram.between(end, end + 1);
  if (voxels < Math.max(CUT.voxels, CUT.share * histogram.inside)) return false;
  // Only values that occur: a volume of 8 bits has gaps between them.
  const next = Array.from({ length: CUT.neighbours }, (_, i) => end + inward * (i + 1))
    .map((hu) => histogram.between(hu, hu + 1))
    .filter((count) => count > 0);
  return voxels > CUT.times * (next.reduce((sum, count) => sum + count, 0) / Math.max(1, next.length));
}

function checkTissues(histogram: Histogram, from: number): void {
  const threshold = otsuThreshold(histogram, from, CT_INTENSITY.high);
  const median = histogram.quantile(0.5, threshold);
  if (median > BRIGHT.max && from > LOWEST) {
    const found = `the median inside the body is ${median}; fat, muscle and blood are at -100 to 600 HU`;
    throw notHounsfield(histogram, found, RESCALE);
  }
  if (median < BRIGHT.min) {
    const found = `there is no soft tissue: the median of the brighter part is ${median}; fat, muscle and blood are at -100 to 600 HU`;
    throw notHounsfield(histogram, found, `Check that the right series was exported, as a CT of a patient. ${RESCALE}`);
  }
  const fat = histogram.between(from, FAT) / histogram.inside;
  if (fat < LEAST_FAT) {
    const found = `only ${percent(fat)} of the voxels are air, lung or fat, below ${FAT} HU; a CT has more`;
    throw notHounsfield(histogram, found, `Check that it is a CT. ${RESCALE}`);
  }
}

const RESCALE =
  'Export the CT in Hounsfield units: with the rescale intercept of its DICOM series (often -1024) applied once, not normalised and not as greyscale.';

function notHounsfield({ min, max }: Histogram, found: string, hint: string): FedcardioError {
  const range = `from ${Number(min.toPrecision(6))} to ${Number(max.toPrecision(6))}`;
  return new FedcardioError('BAD_IMAGE', `Its values, ${range}, are not HU: ${found}.`, { hint });
}

const percent = (share: number): string => `${Number((100 * share).toPrecision(2))} %`;
