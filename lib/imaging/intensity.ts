import type { VoxelArray } from './volume.ts';

/**
 * How the values of an image become the input of a network: clipped to `low` … `high`, minus `mean`, over `deviation`. In
 * HU for a CT.
 */
export interface Intensity {
  /** null: no lower bound. */
  readonly low: number | null;
  /** null: no upper bound. */
  readonly high: number | null;
  /** `image`: the mean of the clipped image. */
  readonly mean: number | 'image';
  /** Above 0. `image`: the population's standard deviation of the clipped image. */
  readonly deviation: number | 'image';
  /** The value of what lies outside an image, before clipping. Default: −1000, air in HU. */
  readonly outside?: number | undefined;
}

/**
 * For a contrast cardiac CT, HU. Below −200 there is only air and lung. Contrast-filled blood is at 250 to 550, and
 * calcium, which must stay brighter than blood, reaches 1,300 and more. Mean and deviation are the same for every case and
 * site: those of the clipped voxels above −200 HU of a heart and thoracic aorta (127 and 221), rounded.
 */
export const CT_INTENSITY = { low: -200, high: 1300, mean: 125, deviation: 220 } as const satisfies Intensity;

/** Air, HU. */
export const AIR = -1000;

/** Whether two intensities give the same input for every image. Undefined is {@link CT_INTENSITY}. */
export const isSameIntensity = (a: Intensity = CT_INTENSITY, b: Intensity = CT_INTENSITY): boolean =>
  a.low === b.low &&
  a.high === b.high &&
  a.mean === b.mean &&
  a.deviation === b.deviation &&
  (a.outside ?? AIR) === (b.outside ?? AIR);

/** An {@link Intensity} for one image: all of it are numbers. */
export interface ImageIntensity {
  readonly low: number;
  readonly high: number;
  readonly mean: number;
  readonly deviation: number;
  readonly outside: number;
}

/**
 * The intensity for one image. An image of one value has the deviation 1, as in MONAI's NormalizeIntensity.
 *
 * @param values of the whole image as it was uploaded, so that they do not depend on crop and spacing
 */
export function intensityOf(values: VoxelArray, intensity: Intensity): ImageIntensity {
  const { outside = AIR } = intensity;
  const [low, high] = [intensity.low ?? Number.NEGATIVE_INFINITY, intensity.high ?? Number.POSITIVE_INFINITY];
  const ofImage = intensity.mean === 'image' || intensity.deviation === 'image';
  const own = ofImage ? statisticsOf(values, low, high) : undefined;
  const mean = intensity.mean === 'image' ? (own?.mean ?? 0) : intensity.mean;
  const deviation = intensity.deviation === 'image' ? own?.deviation || 1 : intensity.deviation;
  return { low, high, mean, deviation, outside };
}

const clip = (value: number, low: number, high: number): number => (value < low ? low : value > high ? high : value);

/** A value as a network sees it. */
export const normalised = (value: number, { low, high, mean, deviation }: ImageIntensity): number =>
  (clip(value, low, high) - mean) / deviation;

/**
 * Values as a network sees them, as float32.
 *
 * @param result target array; may be `values` itself
 */
export function normalise(
  values: VoxelArray,
  intensity: ImageIntensity,
  result: Float32Array = new Float32Array(values.length),
): Float32Array {
  for (let i = 0; i < values.length; i += 1) result[i] = normalised(values[i] as number, intensity);
  return result;
}

/** In two passes, because the difference of two large sums would lose digits. */
function statisticsOf(values: VoxelArray, low: number, high: number): { mean: number; deviation: number } {
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += clip(values[i] as number, low, high);
  const mean = sum / Math.max(1, values.length);
  let squares = 0;
  for (let i = 0; i < values.length; i += 1) squares += (clip(values[i] as number, low, high) - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / Math.max(1, values.length)) };
}
