import { describe, expect, test } from 'vitest';
import { parseCaseKey } from '../../lib/federation/keys.ts';
import { TASKS } from '../../lib/federation/tasks.ts';
import { landmarksOfClassMap } from '../../lib/imaging/landmarks.ts';
import { readMarkups } from '../../lib/imaging/markups.ts';
import { readNifti } from '../../lib/imaging/nifti-read.ts';
import { brokenFiles } from './broken-files.ts';
import { type CaseFile, caseFiles, phantomOf } from './case-files.ts';
import { casesOf, type DemoCase, scenarioOf } from './scenario.ts';

const scenario = scenarioOf({ profile: 'quick', seed: 1 });
const caseOf = (site: string, use: DemoCase['use']) =>
  scenario.sites
    .filter(({ id }) => id === site)
    .flatMap(casesOf)
    .find((demoCase) => demoCase.use === use) as DemoCase;
const fileOf = (files: readonly CaseFile[], end: string) => files.find(({ key }) => key.endsWith(end));
const { classes } = TASKS['hinge-points'];

describe('caseFiles', () => {
  test('returns keys that intake understands, the CT first', () => {
    const files = caseFiles(caseOf('heidelberg', 'training'), 1);
    expect(files.map(({ key }) => parseCaseKey(key)?.part)).toEqual([
      { kind: 'image' },
      { kind: 'label', task: 'hinge-points', format: 'class-map' },
      { kind: 'label', task: 'membranous-septum', format: 'class-map' },
      { kind: 'label', task: 'calcification', format: 'class-map' },
    ]);
  });

  test('returns no labels for an unlabelled CT', () => {
    expect(caseFiles(caseOf('berlin', 'training'), 1)).toHaveLength(1);
  });

  test('writes the same points in both formats, and exact points for held-out cases', () => {
    const training = caseOf('heidelberg', 'training');
    const painted = fileOf(caseFiles(training, 1), 'labels/hinge-points.nii.gz')?.body as Uint8Array;
    const exact = phantomOf(training, 1).points['hinge-points'];
    for (const { label, position } of landmarksOfClassMap(readNifti(painted), classes.length)) {
      const point = exact[label - 1] as readonly number[];
      expect(Math.hypot(...(position ?? []).map((value, axis) => value - (point[axis] as number)))).toBeLessThan(1);
    }
    const heldOut = caseOf('heidelberg', 'evaluation');
    const markups = fileOf(caseFiles(heldOut, 1), 'labels/hinge-points.mrk.json')?.body as string;
    readMarkups(markups, classes).forEach(({ position }, index) => {
      const point = phantomOf(heldOut, 1).points['hinge-points'][index] as readonly number[];
      point.forEach((value, axis) => {
        expect(position?.[axis]).toBeCloseTo(value, 9);
      });
    });
  });

  test('gives each case and seed its own patient, deterministically', () => {
    const demoCase = caseOf('munich', 'training');
    const image = (seed: number) => fileOf(caseFiles(demoCase, seed), 'image.nii.gz')?.body;
    expect(image(1)).toEqual(image(1));
    expect(image(1)).not.toEqual(image(2));
    expect(phantomOf(demoCase, 1).facts.seed).not.toBe(phantomOf(caseOf('munich', 'evaluation'), 1).facts.seed);
  });
});

describe('brokenFiles', () => {
  const broken = brokenFiles(scenario);
  const [truncated, png, misplaced] = broken;

  test('are invalid in three ways', () => {
    expect(() => readNifti(truncated?.body as Uint8Array)).toThrow();
    expect([...(png?.body.subarray(1, 4) ?? [])]).toEqual([...'PNG'].map((letter) => letter.charCodeAt(0)));
    const image = fileOf(caseFiles(caseOf('goettingen', 'training'), 1), 'image.nii.gz')?.body as Uint8Array;
    expect(readNifti(misplaced?.body as Uint8Array).shape).not.toEqual(readNifti(image).shape);
  });

  test('replace no valid file', () => {
    const good = new Set(
      scenario.sites.flatMap((site) =>
        casesOf(site).flatMap(({ caseId, tasks }) => ['image', ...tasks].map((part) => `${site.id} ${caseId} ${part}`)),
      ),
    );
    for (const { site, caseId, key } of broken) {
      const part = parseCaseKey(key)?.part;
      expect(good).not.toContain(`${site} ${caseId} ${part?.kind === 'label' ? part.task : part?.kind}`);
    }
  });
});
