import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createVisibility } from './visibility.ts';

const id = fc.constantFrom('a', 'b', 'c', 'd');
const step = fc.oneof(
  fc.record({ kind: fc.constant('place' as const), id, hiddenFor: fc.integer({ min: -1, max: 6 }) }),
  fc.record({ kind: fc.constant('remove' as const), id }),
  fc.record({ kind: fc.constant('take' as const) }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 4 }) }),
);

test('makes each message visible at its time, until it is taken, hidden again or removed', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const visibility = createVisibility();
      const model = new Map<string, number>();
      let now = 1000;
      const visible = () => [...model].filter(([, at]) => at <= now).map(([each]) => each);
      for (const each of steps) {
        if (each.kind === 'pass') now += each.ms;
        if (each.kind === 'place') {
          visibility.place(each.id, now + each.hiddenFor, now);
          model.set(each.id, now + each.hiddenFor);
        }
        if (each.kind === 'remove') {
          visibility.remove(each.id);
          model.delete(each.id);
        }
        if (each.kind === 'take') {
          const taken = visibility.take(now);
          if (taken === undefined) expect(visible()).toEqual([]);
          else {
            expect(visible()).toContain(taken);
            model.delete(taken);
          }
        }
        expect([...visibility.visible(now)].sort()).toEqual(visible().sort());
        expect(visibility.visibleCount(now)).toBe(visible().length);
        const hidden = [...model].filter(([, at]) => at > now);
        for (const [name] of hidden) expect(visibility.isHidden(name, now)).toBe(true);
        const next = Math.min(...hidden.map(([, at]) => at));
        expect(visibility.nextAt()).toBe(Number.isFinite(next) ? next : undefined);
      }
    }),
    { numRuns: 500 },
  );
});

test('keeps the order in which messages arrived', () => {
  const visibility = createVisibility();
  for (const each of ['first', 'second', 'third']) visibility.place(each, 0, 10);
  expect([visibility.take(10), visibility.take(10), visibility.take(10), visibility.take(10)]).toEqual([
    'first',
    'second',
    'third',
    undefined,
  ]);
});
