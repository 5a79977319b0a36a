import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deadlineOf, isPaused } from './pauses.ts';

const atSecond = (seconds: number) => new Date(Date.UTC(2026, 2, 2) + seconds * 1000);
const iso = (seconds: number) => atSecond(seconds).toISOString();
const ROUND = { at: iso(100), deadline: iso(1000) };
const deadline = (pauses: readonly (readonly [number, number | null])[], now: number) =>
  deadlineOf(
    ROUND,
    pauses.map(([from, until]) => ({ from: iso(from), until: until === null ? null : iso(until) })),
    atSecond(now),
  );

describe('deadlineOf', () => {
  test('is extended by pauses since the round opened, and not by earlier ones', () => {
    expect(deadline([], 500)).toEqual(atSecond(1000));
    expect(deadline([[0, 50]], 500)).toEqual(atSecond(1000));
    expect(deadline([[0, 150]], 500)).toEqual(atSecond(1050));
    expect(
      deadline(
        [
          [200, 300],
          [400, 410],
        ],
        500,
      ),
    ).toEqual(atSecond(1110));
  });

  test('is not reached during a pause that began before it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999 }), fc.integer({ min: 0, max: 1e6 }), (from, longer) => {
        const now = Math.max(100, from) + longer;
        expect(deadline([[from, null]], now).getTime()).toBeGreaterThan(atSecond(now).getTime());
      }),
    );
  });
});

test('isPaused is true while the last pause has no end', () => {
  expect(isPaused([])).toBe(false);
  expect(isPaused([{ from: iso(0), until: iso(1) }])).toBe(false);
  expect(
    isPaused([
      { from: iso(0), until: iso(1) },
      { from: iso(2), until: null },
    ]),
  ).toBe(true);
});
