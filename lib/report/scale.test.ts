import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linearScale, ticks, zeroBased } from './scale.ts';

describe('linearScale', () => {
  it('maps ends to ends, also downwards', () => {
    const y = linearScale([0, 2], [100, 0]);
    expect([y(0), y(1), y(2)]).toEqual([100, 50, 0]);
  });

  it('maps an empty domain to the start instead of to NaN', () => {
    expect(linearScale([1, 1], [10, 20])(1)).toBe(10);
  });
});

describe('ticks', () => {
  it('are round', () => {
    expect(ticks([0, 1], 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticks([0, 437], 6)).toEqual([0, 100, 200, 300, 400]);
  });

  it('lie within the domain, ascend, and are neither too few nor too many', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), fc.integer({ min: 2, max: 10 }), (max, count) => {
        const domain = zeroBased(max, count);
        const values = ticks(domain, count);
        expect(domain[1]).toBeGreaterThanOrEqual(max * (1 - 1e-9));
        expect(values[0]).toBe(0);
        expect(values.length).toBeGreaterThanOrEqual(2);
        expect(values.length).toBeLessThanOrEqual(count + 2);
        expect(values.every((value, index) => index === 0 || value > (values[index - 1] as number))).toBe(true);
      }),
    );
  });
});
