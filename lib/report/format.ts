/** An en dash for a missing value, which is not zero. */
export const NONE = '–';

/** A number with `digits` decimals. */
export const fixed = (value: number | null | undefined, digits: number): string =>
  value === null || value === undefined || !Number.isFinite(value) ? NONE : value.toFixed(digits);

/** Three significant digits: losses may be 3 or 0.003. */
export const significant = (value: number | null | undefined): string =>
  value === null || value === undefined || !Number.isFinite(value) ? NONE : value.toPrecision(3);

/** A share as a whole percentage, with a non-breaking space before the sign. */
export const percent = (share: number | null | undefined): string =>
  share === null || share === undefined ? NONE : `${Math.round(share * 100)}\u00a0%`;

/** A length to a tenth of a millimetre, with a non-breaking space before the unit. */
export const millimetres = (value: number | null | undefined): string =>
  value === null || value === undefined ? NONE : `${fixed(value, 1)}\u00a0mm`;

/** `3:07` or `1:02:45`, rounded to seconds. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** `1 file`, `3 files`. */
export const counted = (count: number, singular: string, plural = `${singular}s`): string =>
  `${count} ${count === 1 ? singular : plural}`;
