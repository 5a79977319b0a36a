/** Maps a value of `domain` linearly to a position in `range`. An empty domain maps to the start. */
export interface Scale {
  (value: number): number;
  readonly domain: readonly [number, number];
}

/** A scale from the ends of `domain` to the ends of `range`, which may descend. */
export function linearScale(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const span = domain[1] - domain[0];
  const scale = (value: number) =>
    span === 0 ? range[0] : range[0] + ((value - domain[0]) / span) * (range[1] - range[0]);
  return Object.assign(scale, { domain });
}

/** Ascending round values (1, 2 or 5 times a power of ten apart) within the domain: about `count`, at least two. */
export function ticks(domain: readonly [number, number], count: number): readonly number[] {
  const step = niceStep((domain[1] - domain[0]) / Math.max(1, count));
  if (!(step > 0)) return [domain[0]];
  const first = Math.ceil(domain[0] / step - 1e-9);
  const last = Math.floor(domain[1] / step + 1e-9);
  // The next round step may be wider than the domain, and a single tick shows no scale.
  if (last <= first) return ticks(domain, count + 1);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/**
 * The domain between round values that covers `low` to `high`. For a single value it extends to the next round value.
 */
export function roundDomain(low: number, high: number, count: number): readonly [number, number] {
  const step = niceStep((high > low ? high - low : 1) / Math.max(1, count));
  const first = Math.floor(low / step + 1e-9);
  return [first * step, Math.max(first + 1, Math.ceil(high / step - 1e-9)) * step];
}

function niceStep(rough: number): number {
  if (!(rough > 0)) return 0;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => rough / power <= candidate + 1e-9) ?? 10;
  return factor * power;
}
