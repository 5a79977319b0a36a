import { describe, expect, test } from 'vitest';
import { type Act, DAMAGES, describePlan, type Plan, planOf } from './plan.ts';
import { STEPS } from './steps.ts';

const PLANS = Array.from({ length: 200 }, (_, index) => planOf(index + 1));
const actsOf = (plans: readonly Plan[]) => plans.flatMap(({ acts }) => acts);

describe('the plan of a seed', () => {
  test('is the same each time, and another for another seed', () => {
    expect(planOf(17)).toEqual(planOf(17));
    expect(planOf(17)).not.toEqual(planOf(18));
  });

  test('has every kind of act in some seeds, and says what is done when', () => {
    const kinds = new Set(actsOf(PLANS).map(({ kind }) => kind));
    const expected = ['kill', 'stop', 'faults', 'disk-full', 'away', 'upgrade', 'poison', 'damaged CT', 'remove'];
    expect([...kinds].sort()).toEqual(expected.sort());
    expect(new Set(actsOf(PLANS).flatMap((act) => (act.kind === 'damaged CT' ? [act.what] : [])))).toEqual(
      new Set(DAMAGES),
    );
    for (const plan of PLANS) expect(describePlan(plan).split('\n')).toHaveLength(2 + plan.acts.length);
    expect(describePlan(PLANS[0]!)).toMatch(/kill server, away for \d/);
  });

  test('strikes at steps of secure aggregation where there are any, in every fourth seed', () => {
    const isMasked = ({ at }: Act) => 'step' in at && STEPS[at.step].masked === true;
    expect(PLANS.filter(({ masked }) => masked).map(({ seed }) => seed % 4)).toEqual(Array(50).fill(2));
    const struck = (masked: boolean) =>
      PLANS.filter((plan) => plan.masked === masked).filter(({ acts }) => acts.some(isMasked));
    expect(struck(false)).toEqual([]);
    expect(struck(true).length).toBeGreaterThan(25);
  });

  test('kills the GPU tasks of a machine no third time, unless it removes a site', () => {
    for (const { acts } of PLANS) {
      for (const role of ['coordinator-task', 'jena-task', 'kiel-task']) {
        expect(acts.filter((act) => act.kind === 'kill' && act.role === role).length).toBeLessThanOrEqual(2);
      }
      for (const removal of acts.filter((act) => act.kind === 'remove')) {
        // A restart of its machine would begin to count its failures again.
        const machines = acts.flatMap((act) => ('role' in act ? [act.role] : act.kind === 'away' ? [act.site] : []));
        expect(machines.filter((machine) => machine.startsWith(removal.site))).toEqual([]);
      }
    }
  });
});
