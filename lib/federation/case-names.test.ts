import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { caseNameFinding, identifyingPart, patientOf, shownFile, shownKey, shownName } from './case-names.ts';

describe('the name of a case', () => {
  test.each([
    'Mueller^Hans',
    'Müller',
    'Doe_John',
    'DOE_JANE',
    'doe-john',
    'Doe, John',
    'JohnDoe',
    'Özgür_Yılmaz',
    'Schmidt-Rottluff',
    'Hans.Peter.Mueller',
    'Mueller_Hans_CT1',
    'MUELLER_URSULA_0001',
    '19550312',
    'p_19550312',
    '1955-03-12',
    '12.03.1955',
    '12031955',
    'CT_3-12-1955',
    'a b',
    '.hidden',
    'x'.repeat(101),
  ])('%s is refused', (name) => {
    expect(caseNameFinding(name)?.level).toBe('fault');
  });

  test.each([
    'p7',
    'case-0012',
    'UKB-000123',
    'la_003',
    'patient_001',
    'Patient01',
    'sub-001',
    'sub-NDARINV1A2B',
    'LIDC-IDRI-0001',
    'TCGA-AA-3333',
    'Normal_1',
    'Diseased_12',
    'LA_Train_1',
    'ct_train_1001',
    'Control_Group_12',
    'Heart-Valve-01',
    'TAVI_0001',
    'ImageCAS_12',
    'berlin-0007',
    '0001',
    'A1B2C3',
    'c-3f9a12345678b0de',
    '550e8400-e29b-41d4-a716-446655440000',
    'HeartCT-07',
    'pat.12',
    'x',
  ])('%s is an ordinary pseudonym', (name) => {
    expect(caseNameFinding(name)).toBeUndefined();
  });

  test.each(['1234567', 'MRN_00481516', '1.2.840.113619.2.55.3', 'scan_20230105', 'thomas', 'Leipzig_Gera_12'])(
    '%s is doubtful, and not refused',
    (name) => {
      expect(caseNameFinding(name)?.level).toBe('warning');
    },
  );

  test.each([
    ['of site import', /^p[0-9a-f]{12}-[0-9a-f]{8}$/],
    ['that withholds a name', /^withheld-[0-9a-f]{8}$/],
    ['made of a hash', /^sub-[0-9a-f]{16}$/],
    ['made of a hash and a number', /^[0-9a-f]{32}_[0-9]{1,4}$/],
  ])('a name %s is an ordinary pseudonym, whatever its digits look like', (_, form) => {
    const hasLetter = (name: string) => /[a-f]/.test(name.replace('sub-', ''));
    fc.assert(
      fc.property(fc.stringMatching(form).filter(hasLetter), (name) => {
        expect(caseNameFinding(name)).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    'p2d6b6cc5cf90-2311938c',
    'p951994fa122b-98144d1c',
    'pa51133a4cfc9-96547668',
    'p9eeef541951f-11031955',
    'withheld-11031955',
    'sub-9f8e23111938ab',
  ])('%s is an ordinary pseudonym', (name) => {
    expect(caseNameFinding(name)).toBeUndefined();
  });

  test.each(['p000000000001-19550312', 'Mueller_Anna_3f9a12345678b0de', '19550312-3f9a12345678b0de'])(
    '%s is refused beside a pseudonym',
    (name) => {
      expect(caseNameFinding(name)?.level).toBe('fault');
    },
  );

  test('is told without being repeated', () => {
    const shown = shownName('Mueller^Hans');

    expect(shown).toMatch(/^withheld-[0-9a-f]{8}$/);
    expect(shownName('Mueller^Anna')).not.toBe(shown);
    expect(shownName(shown)).toBe(shown);
    expect(shownName('p7')).toBe('p7');
    expect(caseNameFinding('Mueller^Hans')?.what).not.toContain('Mueller');
  });
});

test('keys are told without the names of folders and files', () => {
  expect(shownKey('cases/p7/labels/calcification.nii.gz')).toBe('cases/p7/labels/calcification.nii.gz');
  expect(shownKey('cases/p7/image.nii.gz')).toBe('cases/p7/image.nii.gz');
  expect(shownKey('cases/Doe_John/image.nii.gz')).toMatch(/^cases\/withheld-[0-9a-f]{8}\/image\.nii\.gz$/);
  expect(shownKey('held-out/p7/Doe_John_19550312.nii.gz')).toMatch(/^held-out\/p7\/withheld-[0-9a-f]{8}\.nii\.gz$/);
  expect(shownKey('cases/Doe^John.dcm')).toMatch(/^cases\/withheld-[0-9a-f]{8}\.dcm$/);
});

test.each([
  'image.nii.gz',
  'hinge-points.mrk.json',
  'coronary-arteries.nii.gz',
  'IM0001',
  'I10',
  'CT.1.2.840.113619',
  'notes.txt',
  'DICOMDIR',
])('the file name %s is shown', (name) => {
  expect(shownFile(name)).toBe(name);
});

test('a text of two ordinary words is doubtful at most', () => {
  expect(identifyingPart('membranous-septum')).toBeUndefined();
  expect(identifyingPart('some-valve')).toBeUndefined();
});

test.each([
  ['p5849468e76e1-bcdd5b28', 'p5849468e76e1'],
  ['p584946817611-19550312', 'p584946817611'],
  ['p7', 'p7'],
  ['p7-2', 'p7-2'],
  ['sub-001', 'sub-001'],
  ['p5849468e76e1-bcdd5b28-2', 'p5849468e76e1-bcdd5b28-2'],
])('the case %s is of the patient %s', (caseId, patient) => {
  expect(patientOf(caseId)).toBe(patient);
});
