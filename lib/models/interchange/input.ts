import { FedcardioError } from '../../error.ts';
import { AIR, type Intensity } from '../../imaging/intensity.ts';

/** An intensity whose mean and deviation are the same for every image. */
type Fixed = Intensity & { readonly mean: number; readonly deviation: number };

const isFixed = (intensity: Intensity): intensity is Fixed =>
  intensity.mean !== 'image' && intensity.deviation !== 'image';

/** Input of the network for a value; undefined if it differs between images. */
export function inputFor(value: number, intensity: Intensity): number | undefined {
  if (!isFixed(intensity)) return undefined;
  const { low, high, mean, deviation } = intensity;
  return (Math.min(Math.max(value, low ?? value), high ?? value) - mean) / deviation;
}

/** Input of the network outside an image: 0, the mean, if that differs between images. */
export const inputOutside = (intensity: Intensity): number => inputFor(intensity.outside ?? AIR, intensity) ?? 0;

/** An intensity in MONAI's transforms, after resampling. */
export function monaiIntensity(intensity: Intensity): readonly Readonly<Record<string, unknown>>[] {
  const { low, high, mean, deviation } = intensity;
  if (low !== null && high !== null && isFixed(intensity)) {
    const [b_min, b_max] = [inputFor(low, intensity), inputFor(high, intensity)];
    return [{ _target_: 'ScaleIntensityRanged', keys: 'image', a_min: low, a_max: high, b_min, b_max, clip: true }];
  }
  const bound = (threshold: number | null, above: boolean) =>
    threshold === null ? [] : [{ _target_: 'ThresholdIntensityd', keys: 'image', threshold, above, cval: threshold }];
  return [
    ...bound(low, true),
    ...bound(high, false),
    {
      _target_: 'NormalizeIntensityd',
      keys: 'image',
      subtrahend: mean === 'image' ? null : mean,
      divisor: deviation === 'image' ? null : deviation,
    },
  ];
}

/** Bound for values that have none: nnU-Net clips always. */
const UNBOUNDED = 1e30;

/**
 * An intensity in nnU-Net's plans: the scheme, and its properties.
 *
 * @throws FedcardioError `BAD_CONFIGURATION` for one that nnU-Net does not have
 */
export function nnunetIntensity(intensity: Intensity) {
  const { low, high, mean, deviation } = intensity;
  if (isFixed(intensity)) {
    const [percentile_00_5, percentile_99_5] = [low ?? -UNBOUNDED, high ?? UNBOUNDED];
    return { scheme: 'CTNormalization', properties: { mean, std: deviation, percentile_00_5, percentile_99_5 } };
  }
  if (low === null && high === null && mean === deviation) return { scheme: 'ZScoreNormalization', properties: {} };
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    'nnU-Net has no scheme that clips intensities and standardises them by each image.',
    { hint: 'Use --format monai-bundle.' },
  );
}

/** An intensity for readers. */
export function intensityText({ low, high, mean, deviation }: Intensity): string {
  const clip = low === null && high === null ? '' : `clipped to ${low ?? '−∞'} … ${high ?? '∞'}, `;
  const of = (value: number | 'image', what: string) => (value === 'image' ? `the ${what} of each image` : `${value}`);
  return `${clip}minus ${of(mean, 'mean')}, over ${of(deviation, 'standard deviation')}`;
}
