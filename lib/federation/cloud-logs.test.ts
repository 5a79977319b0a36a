import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { caseReference, withoutCases, withoutCasesIn, withoutCasesInError } from './cloud-logs.ts';
import { derivedCaseOf, siteKeys } from './keys.ts';

const AT = { campaign: 'tavi', stage: 'teacher/hinge-points' };
const KEYS = [
  (id: string) => siteKeys.image('training', id),
  (id: string) => siteKeys.image('evaluation', id),
  (id: string) => siteKeys.label('training', id, 'calcification'),
  (id: string) => siteKeys.markups('evaluation', id, 'hinge-points'),
  (id: string) => siteKeys.catalog(id),
  (id: string) => siteKeys.rejected(id),
  (id: string) => siteKeys.rejectedByName(id),
  (id: string) => siteKeys.pseudoLabel(AT, 'calcification', id),
  (id: string) => siteKeys.pseudoLabel({ ...AT, stage: 'label' }, 'calcification', id),
  (id: string) => siteKeys.softLabel(AT, 'calcification', id),
  (id: string) => siteKeys.pseudoLabelReport(AT, 'calcification', id),
  (id: string) => siteKeys.prediction('tavi', 'student', 'calcification', id),
];
/** Longer than words of keys and texts, so that a name is not found in them by chance. */
const names = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{6,40}[A-Za-z0-9]$/),
  fc.constantFrom('Müller Hans 1950', 'p-0001234', 'catalog-77', 'cases-0042', 'patient.json.x1'),
);

describe('a text for a log in the cloud', () => {
  test('has no name of a case, wherever its key stands', () => {
    fc.assert(
      fc.property(names, fc.constantFrom(...KEYS), (name, keyOf) => {
        const key = keyOf(name);
        for (const text of [key, `${key} is 2D (512×512).`, `get ${key}: AccessDenied`, `"${key}", ${key}; ${key}`]) {
          expect(withoutCases(text)).not.toContain(name);
        }
      }),
    );
  });

  test('refers to a case so that the hospital finds it', () => {
    expect(withoutCases('cases/p1/image.nii.gz was replaced since it was cataloged.')).toBe(
      `cases/${caseReference('p1')}/image.nii.gz was replaced since it was cataloged.`,
    );
    expect(caseReference('p1')).toMatch(/^case-[0-9a-f]{8}$/);
  });

  test.each([
    'unfinished/tavi/teacher/0001.safetensors',
    'rejected/strays/0123456789abcdef.json',
    'campaigns/tavi/teacher/0001/open.json',
    'updates/bonn/tavi/teacher/0001/0a1b.update.json',
    'No heart with contrast was found between two lungs.',
  ])('keeps %s', (text) => {
    expect(withoutCases(text)).toBe(text);
  });

  test('keeps what it has replaced already', () => {
    const once = withoutCases('cases/p1/image.nii.gz, cases/scan.nii.gz, catalog/p1.json');

    expect(once).not.toMatch(/p1|scan/);
    expect(withoutCases('cases/case-0a1b2c3d')).toBe('cases/case-0a1b2c3d');
  });
});

test('a log line has references to cases, and the number of their faults', () => {
  const line = withoutCasesIn({
    site: 'bonn',
    case: 'p1',
    heldOut: 'p2',
    cataloged: false,
    faults: [{ key: 'cases/p1/image.nii.gz', reason: 'It is the same volume as the image of case p2.' }],
    tasks: ['calcification'],
    at: { reason: 'cases/p1/image.nii.gz is 2D.' },
  });

  expect(line).toEqual({
    site: 'bonn',
    case: caseReference('p1'),
    heldOut: caseReference('p2'),
    cataloged: false,
    faults: 1,
    tasks: ['calcification'],
    at: { reason: `cases/${caseReference('p1')}/image.nii.gz is 2D.` },
  });
});

test('an error has no name of a case, in its message, stack or causes', () => {
  const cause = new Error('cases/p1/image.nii.gz is gone');
  const clean = withoutCasesInError(new TypeError('get cases/p1/image.nii.gz: AccessDenied', { cause }));

  expect(clean.name).toBe('TypeError');
  expect(clean.cause).toBeUndefined();
  expect(`${clean.message}${clean.stack}`).not.toContain('p1');
});

test.each([
  'student',
  'teacher/hinge-points',
  'best model',
  'a:b',
  'modèle',
  '',
  'a\nb',
  'a/b/c/d/e/f',
  '..',
  'x'.repeat(500),
])('a case is found in the key of its prediction, whatever the name of the model is: %j', (model) => {
  const key = siteKeys.prediction('tavi', model, 'calcification', 'KLINIK-0042');

  expect(derivedCaseOf(key)).toBe('KLINIK-0042');
  expect(withoutCases(`Cannot write s3://heart/${key} (403).`)).not.toContain('KLINIK');
  expect(key.length).toBeLessThan(250);
});

test('models of different names have different predictions, and usual names stay in the key', () => {
  const keyOf = (model: string) => siteKeys.prediction('tavi', model, 'calcification', 'p1');

  expect(keyOf('teacher/hinge-points')).toBe('predictions/tavi/teacher/hinge-points/p1/calcification.nii.gz');
  expect(keyOf('a b')).not.toBe(keyOf('a:b'));
});
