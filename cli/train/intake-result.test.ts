import { expect, test } from 'vitest';
import { siteKeys } from '../../lib/federation/keys.ts';
import type { CatalogEntry, Summary } from '../../lib/federation/schemas.ts';
import { type SiteIntake, unanswered } from './intake-result.ts';
import type { TrainingSite } from './material.ts';

const site: TrainingSite = {
  id: 'bonn',
  name: 'Bonn',
  cases: [
    {
      id: 'p1',
      use: 'training',
      files: ['image.nii.gz', 'labels/calcification.nii.gz'].map((name) => ({ name, path: name })),
    },
  ],
};
const image = siteKeys.image('training', 'p1');
const label = siteKeys.label('training', 'p1', 'calcification');
const entry = (labels: object) =>
  ({ case: 'p1', use: 'training', image: { key: image }, labels }) as unknown as CatalogEntry;
const fault = (key: typeof image) => ({ key, code: 'BAD_IMAGE', reason: 'Broken.' });
const answer = (accepted: readonly CatalogEntry[], rejected: SiteIntake['rejected'], training = accepted.length) =>
  unanswered(site, {
    site: 'bonn',
    accepted,
    rejected,
    summary: { cases: { training, evaluation: 0, rejected: 0 } } as unknown as Summary,
  });

const unknownFiles: TrainingSite = {
  ...site,
  cases: site.cases.map((one) => ({
    ...one,
    files: [...one.files, ...['a.txt', 'b.txt'].map((name) => ({ name, path: name }))],
  })),
};

test('unanswered: one fault answers for all files of a format', () => {
  const fault = { key: siteKeys.ofEvent('cases/p1/a.txt'), code: 'BAD_KEY', reason: 'Not expected.' };
  const accepted = [entry({ calcification: {} })];
  const summary = { cases: { training: 1, evaluation: 0, rejected: 1 } } as unknown as Summary;

  expect(unanswered(unknownFiles, { site: 'bonn', accepted, rejected: [fault], summary })).toBeUndefined();
  expect(unanswered(unknownFiles, { site: 'bonn', accepted, rejected: [], summary })).toBe('bonn/cases/p1/a.txt');
});

test.each([
  ['an accepted case', answer([entry({ calcification: {} })], []), undefined],
  ['a case whose label is rejected', answer([entry({})], [fault(label)]), undefined],
  ['a case whose CT is rejected', answer([], [fault(image)]), undefined],
  ['a case that was not examined', answer([], []), 'bonn/cases/p1/image.nii.gz'],
  ['a label that was not examined', answer([entry({})], []), `bonn/${label}`],
  ['a summary that is out of date', answer([entry({ calcification: {} })], [], 0), 'the cases of bonn'],
])('unanswered: %s', (_, found, expected) => {
  expect(found).toBe(expected);
});
