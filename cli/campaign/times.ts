/** Instants and durations for people. Instants are UTC, as in the documents. */

/** `2026-03-02 08:00:05`, UTC; empty without an instant. */
export const instant = (iso: string | undefined): string =>
  iso === undefined ? '' : iso.slice(0, 19).replace('T', ' ');

/** `2026-03-02 08:00 UTC`. */
export const minute = (iso: string): string => `${instant(iso).slice(0, 16)} UTC`;

/** `5 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`: the two largest units. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const units: readonly [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ];
  const first = units.findIndex(([count]) => count > 0);
  if (first === -1) return '0 s';
  return units
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** Time until a deadline, or since it: `in 3 min 20 s`, `5 s ago`. */
export function fromNow(iso: string, now: Date): string {
  const ms = Date.parse(iso) - now.getTime();
  return ms >= 0 ? `in ${duration(ms)}` : `${duration(-ms)} ago`;
}
