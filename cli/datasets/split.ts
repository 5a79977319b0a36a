import { patientOf } from '../../lib/federation/case-names.ts';
import type { CaseUse } from '../../lib/federation/keys.ts';
import type { TaskId } from '../../lib/federation/tasks.ts';
import { groupBy } from '../../lib/group-by.ts';
import { seededRandom, shuffled } from '../../lib/random.ts';
import { drawPatients } from '../../lib/training/draw-patients.ts';
import { type DatasetCase, labelledTasks } from './dataset.ts';

/**
 * Holds out a share of the labelled cases for scores, drawn from the seed, unless some are held out already. Patients stay whole.
 * Each task keeps a labelled case for training, and has a held-out one if two patients have labels of it.
 *
 * @param labelsOf the tasks of a case's labels that can be scored
 */
export function withHeldOut(
  cases: readonly DatasetCase[],
  share: number,
  seed: number,
  labelsOf: (one: DatasetCase) => readonly TaskId[] = labelledTasks,
): readonly DatasetCase[] {
  if (share === 0 || cases.some(({ use }) => use === 'evaluation')) return cases;
  const order = shuffled(seededRandom('held-out', seed), cases).map((one) => ({ id: one.id, tasks: labelsOf(one) }));
  const labelled = order.filter(({ tasks }) => tasks.length > 0);
  const heldOut = drawPatients(order, { wanted: Math.max(1, Math.round(share * labelled.length)), coversTasks: true });
  return cases.map((one) => ({ ...one, use: (heldOut.has(one.id) ? 'evaluation' : 'training') satisfies CaseUse }));
}

/** Patients, by the names that `site import` gives, with training cases and held-out ones: the scores would be too good. */
export function patientsOnBothSides(cases: readonly Pick<DatasetCase, 'id' | 'use'>[]): readonly string[] {
  const imported = cases.filter(({ id }) => patientOf(id) !== id);
  const patients = groupBy(imported, ({ id }) => patientOf(id));
  return [...patients].filter(([, own]) => new Set(own.map(({ use }) => use)).size > 1).map(([patient]) => patient);
}

/**
 * Deals the cases out to sites, held-out and labelled ones evenly, in an order drawn from the seed. All cases of a patient go to one
 * site: the next one in turn, which is that with the fewest such cases, and among several of these that with the fewest cases.
 */
export function dealOut(
  cases: readonly DatasetCase[],
  sites: number,
  seed: number,
): readonly (readonly DatasetCase[])[] {
  const kindOf = (one: DatasetCase) => `${one.use} ${labelledTasks(one).join()}`;
  const patients = groupBy(shuffled(seededRandom('deal', seed), cases), ({ id }) => patientOf(id));
  const kinds = groupBy(patients.values(), (own) => [...new Set(own.map(kindOf))].sort().join('; '));
  const dealt = Array.from({ length: sites }, () => ({ cases: [] as DatasetCase[], kinds: new Map<string, number>() }));
  for (const own of [...kinds.values()].flat()) {
    const alike = (site: Dealt) => own.reduce((sum, one) => sum + (site.kinds.get(kindOf(one)) ?? 0), 0);
    const site = dealt.reduce((best, other) =>
      (alike(other) - alike(best) || other.cases.length - best.cases.length) < 0 ? other : best,
    );
    site.cases.push(...own);
    for (const kind of own.map(kindOf)) site.kinds.set(kind, (site.kinds.get(kind) ?? 0) + 1);
  }
  return dealt.map((site) => site.cases);
}

interface Dealt {
  readonly cases: DatasetCase[];
  /** Number of cases of each kind. */
  readonly kinds: Map<string, number>;
}
