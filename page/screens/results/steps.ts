import type { Scale } from '../../../lib/report/scale.ts';
import type { Distribution } from '../../api/results.ts';

/**
 * The path of the share of all values, also of the missing ones, that are at most x.
 *
 * @param x scale of the values; greater ones are not drawn
 * @param y scale of shares from 0 to 1
 */
export function stepPath({ values, n, without }: Distribution, x: Scale, y: Scale): string {
  const all = n + without;
  if (all === 0) return '';
  const place = (value: number) => value.toFixed(1);
  const [start, end] = x.domain;
  const drawn = values.filter((value) => value <= end);
  const share = (index: number) => (n * (index + 1)) / values.length / all;
  const steps = drawn.map((value, index) => `H${place(x(value))}V${place(y(share(index)))}`);
  return `M${place(x(start))} ${place(y(0))}${steps.join('')}H${place(x(end))}`;
}
