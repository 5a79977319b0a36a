import { describe, expect, test } from 'vitest';
import type { CaseUse } from '../../lib/federation/keys.ts';
import { type DatasetCase, labelledTasks } from './dataset.ts';
import { dealOut, patientsOnBothSides, withHeldOut } from './split.ts';

const caseOf = (id: string, tasks: readonly string[], use: CaseUse = 'training'): DatasetCase => ({
  id,
  use,
  files: [{ name: 'image.nii.gz', path: id }, ...tasks.map((task) => ({ name: `labels/${task}.nii.gz`, path: id }))],
});
const many = (count: number, tasks: readonly string[], name = 'p') =>
  Array.from({ length: count }, (_, index) => caseOf(`${name}${index}`, tasks));
const heldOut = (cases: readonly DatasetCase[]) => cases.filter(({ use }) => use === 'evaluation');

describe('withHeldOut', () => {
  test('draws among the cases whose labels can be scored', () => {
    const cases = ['a', 'b', 'c', 'd'].map((id) => caseOf(id, ['calcification']));
    const split = withHeldOut(cases, 0.25, 1, ({ id }) => (id === 'b' || id === 'd' ? ['calcification'] : []));

    expect(heldOut(split).map(({ id }) => id)).toEqual([expect.stringMatching(/^[bd]$/)]);
  });

  test.each([
    [10, 0.2, 2],
    [10, 0, 0],
    [3, 0.2, 1],
    [2, 0.9, 1],
    [1, 0.5, 0],
  ])('holds out of %i labelled cases a share of %f: %i', (count, share, expected) => {
    const cases = [...many(count, ['valve']), ...many(5, [], 'u')];

    const split = withHeldOut(cases, share, 1);

    expect(heldOut(split)).toHaveLength(expected);
    expect(heldOut(split).every((one) => labelledTasks(one).length > 0)).toBe(true);
    expect(split.map(({ id }) => id)).toEqual(cases.map(({ id }) => id));
  });

  test('holds out a case of every task with two, and leaves one of each for training', () => {
    const cases = [...many(9, ['a']), ...many(2, ['b'], 'b'), ...many(1, ['c'], 'c'), ...many(1, ['a', 'c'], 'ac')];

    for (let seed = 0; seed < 20; seed++) {
      const split = withHeldOut(cases, 0.1, seed);
      const tasksOf = (use: CaseUse) => new Set(split.filter((one) => one.use === use).flatMap(labelledTasks));

      expect(tasksOf('training')).toEqual(new Set(['a', 'b', 'c']));
      expect(tasksOf('evaluation')).toEqual(new Set(['a', 'b', 'c']));
    }
  });

  test('depends on the seed alone, and respects what is held out already', () => {
    const cases = many(12, ['a']);
    const ids = (seed: number) => heldOut(withHeldOut(cases, 0.25, seed)).map(({ id }) => id);
    const decided = [...cases, caseOf('h', ['a'], 'evaluation')];

    expect(ids(1)).toEqual(ids(1));
    expect(ids(1)).not.toEqual(ids(2));
    expect(withHeldOut(decided, 0.5, 1)).toBe(decided);
  });
});

/** Cases as `site import` names them. */
const scans = (patient: number, count: number, tasks: readonly string[] = ['a']) =>
  Array.from({ length: count }, (_, scan) => caseOf(importedId(patient, scan), tasks));
const importedId = (patient: number, scan: number) =>
  `p${patient.toString(16).padStart(12, '0')}-${scan.toString(16).padStart(8, '0')}`;

describe('a patient stays whole', () => {
  test.each([
    ['two scans of each', [2, 2, 2, 2, 2, 2, 2, 2, 2, 2], 0.2, 4],
    ['scans without a share that fits', [3, 3, 3], 0.3, 3],
    ['one patient with many scans', [12, 1, 1, 1, 1, 1, 1, 1, 1], 0.2, 4],
    ['no patient to spare', [4], 0.2, 0],
    ['only large patients', [5, 5], 0.2, 5],
  ])('when cases are held out: %s', (_, counts, share, expected) => {
    const cases = counts.flatMap((count, patient) => scans(patient, count));

    for (let seed = 0; seed < 20; seed++) {
      const split = withHeldOut(cases, share, seed);

      expect(patientsOnBothSides(split)).toEqual([]);
      expect(heldOut(split)).toHaveLength(expected);
    }
  });

  test('with the scans that have no label', () => {
    const cases = Array.from({ length: 6 }, (_, patient) => [
      ...scans(patient, 1),
      caseOf(importedId(patient, 9), []),
    ]).flat();

    const split = withHeldOut(cases, 0.34, 1);

    expect(patientsOnBothSides(split)).toEqual([]);
    expect(heldOut(split)).toHaveLength(4);
  });

  test('when cases are dealt out to sites', () => {
    const cases = [
      ...Array.from({ length: 9 }, (_, patient) => scans(patient, 1 + (patient % 3))).flat(),
      ...many(6, ['a']),
    ];

    for (let seed = 0; seed < 20; seed++) {
      const sites = dealOut(cases, 4, seed);

      const patients = sites.map((site) => new Set(site.map(({ id }) => id.split('-')[0])));
      expect(patients.reduce((sum, { size }) => sum + size, 0)).toBe(9 + 6);
      expect(
        Math.max(...sites.map(({ length }) => length)) - Math.min(...sites.map(({ length }) => length)),
      ).toBeLessThan(4);
    }
  });

  test('and the draw of cases with other names does not change', () => {
    const cases = [...many(9, ['a']), ...many(4, ['b'], 'b'), ...many(3, [], 'u')];

    expect(heldOut(withHeldOut(cases, 0.3, 5)).map(({ id }) => id)).toEqual(['p0', 'p4', 'b2', 'b3']);
    expect(dealOut(cases, 3, 5).map((site) => site.map(({ id }) => id).join(' '))).toEqual([
      'p3 p0 p4 b3 b1 u1',
      'p6 p5 p2 b0 u0',
      'p7 p8 p1 b2 u2',
    ]);
  });
});

test('dealOut gives every site its share of each kind of case, each case once', () => {
  const cases = [...many(8, ['a']), ...many(5, [], 'u'), ...many(4, ['a'], 'h').map((one) => held(one))];

  const sites = dealOut(cases, 4, 1);

  expect(
    sites
      .flat()
      .map(({ id }) => id)
      .sort(),
  ).toEqual(cases.map(({ id }) => id).sort());
  for (const site of sites) {
    expect(heldOut(site)).toHaveLength(1);
    expect(site.filter(({ id }) => id.startsWith('p'))).toHaveLength(2);
    expect(site.length).toBeGreaterThanOrEqual(4);
  }
});

const held = (one: DatasetCase): DatasetCase => ({ ...one, use: 'evaluation' });
