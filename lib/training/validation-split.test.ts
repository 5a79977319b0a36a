import { describe, expect, test } from 'vitest';
import type { CatalogEntry } from '../federation/schemas.ts';
import { TASKS } from '../federation/tasks.ts';
import { seededRandom, shuffled } from '../random.ts';
import { validationCases } from './validation-split.ts';

type Entry = Pick<CatalogEntry, 'case' | 'labels'>;

const POINTS = TASKS['membranous-septum'];
const MASK = TASKS.calcification;
const SPLIT = { seed: 1, share: 0.2, tasks: [POINTS, MASK] };

const label = (classes: Readonly<Record<string, number>>) =>
  ({ key: 'k', etag: 'e', format: 'class-map', classes }) as unknown as CatalogEntry['labels'][string];
const points = (id: string, missing = false): Entry => ({
  case: id,
  labels: { [POINTS.id]: label(missing ? { 1: 1 } : { 1: 1, 2: 1 }) },
});
const mask = (id: string): Entry => ({ case: id, labels: { [MASK.id]: label({}) } });
const bare = (id: string): Entry => ({ case: id, labels: {} });
const many = (count: number, make: (id: string) => Entry, prefix = 'p') =>
  Array.from({ length: count }, (_, index) => make(`${prefix}${index}`));

describe('the validation cases of a site', () => {
  test.each([
    [0.2, 10, 2],
    [0.25, 10, 3],
    [0.5, 7, 4],
    [0.2, 2, 0],
    [0.01, 10, 0],
    [0.5, 1, 0],
  ])('are round(%d of %i labelled cases): %i', (share, count, expected) => {
    const entries = [...many(count, mask), ...many(20, bare, 'bare')];

    expect(validationCases(entries, { ...SPLIT, share }).size).toBe(expected);
  });

  test('do not depend on the order of the catalog, and depend on the seed', () => {
    const entries = many(40, mask);
    const chosen = (order: readonly Entry[], seed = 1) => [...validationCases(order, { ...SPLIT, seed })].sort();

    expect(chosen(shuffled(seededRandom('order'), entries))).toEqual(chosen(entries));
    expect(chosen(entries, 2)).not.toEqual(chosen(entries));
  });

  test('have a complete label of one of the campaign’s tasks', () => {
    const entries = [...many(10, points), ...many(10, (id) => points(id, true), 'missing'), ...many(10, bare, 'bare')];

    const chosen = validationCases(entries, { ...SPLIT, share: 0.5 });

    expect(chosen.size).toBe(5);
    expect([...chosen].every((id) => /^p\d/.test(id))).toBe(true);
    expect(validationCases(many(10, points), { ...SPLIT, share: 0.5, tasks: [MASK] }).size).toBe(0);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('leave a training label of every task, whatever the labels: seed %i', (seed) => {
    const random = seededRandom('labels', seed);
    const entries = Array.from({ length: 1 + Math.floor(random() * 12) }, (_, index): Entry => {
      const labels = { ...(random() < 0.3 && points('').labels), ...(random() < 0.4 && mask('').labels) };
      return { case: `p${index}`, labels };
    });

    const chosen = validationCases(entries, { ...SPLIT, seed, share: 0.5 });

    const tasksOf = (list: readonly Entry[]) => new Set(list.flatMap(({ labels }) => Object.keys(labels)));
    expect(tasksOf(entries.filter((entry) => !chosen.has(entry.case)))).toEqual(tasksOf(entries));
  });

  test('are other cases when those of the lowest rank hold the last label of a task', () => {
    const entries = many(4, mask);
    const [first] = validationCases(entries, { ...SPLIT, share: 0.25 });

    const withPoints = entries.map((entry) =>
      entry.case === first ? { ...entry, labels: { ...entry.labels, ...points('').labels } } : entry,
    );
    const [second, ...others] = validationCases(withPoints, { ...SPLIT, share: 0.25 });

    expect(second).not.toBe(first);
    expect(second).toBeDefined();
    expect(others).toEqual([]);
  });

  test.each([1, 2, 3, 4, 5, 6])('are all cases of a patient or none, also those without a label: seed %i', (seed) => {
    const entries = Array.from({ length: 8 }, (_, patient) => [
      mask(`p00000000000${patient}-0000000a`),
      mask(`p00000000000${patient}-0000000b`),
      bare(`p00000000000${patient}-0000000c`),
    ]).flat();

    const chosen = [...validationCases(entries, { ...SPLIT, seed, share: 0.25 })];

    expect(chosen).toHaveLength(6);
    expect(new Set(chosen.map((id) => id.split('-')[0])).size).toBe(2);
  });

  test('ignore labels with the names of prototype members', () => {
    const tasks = [{ ...MASK, id: 'constructor' }];

    expect(validationCases(many(10, bare), { ...SPLIT, share: 0.5, tasks }).size).toBe(0);
  });
});
