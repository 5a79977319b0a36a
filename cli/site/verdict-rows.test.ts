import { expect, test } from 'vitest';
import type { CaseState } from './case-states.ts';
import { verdictRows, verdictSentence, verdictText } from './verdict-rows.ts';

const stored = (id: string): CaseState => ({
  case: id,
  use: 'training',
  verdict: 'accepted',
  files: [],
  entry: undefined,
});

test('a case whose CT is stored and whose label was refused counts once, as partly accepted', () => {
  const fault = { file: 'p1/labels/valve.nii.gz', code: 'BAD_LABEL', reason: 'There is no task "valve".', hint: '' };
  const rows = verdictRows(
    [stored('p1'), stored('p2')],
    [
      { case: 'p1', accepted: true, faults: [fault], warnings: [] },
      { case: 'p3', accepted: false, faults: [{ ...fault, file: 'p3/image.nii.gz' }], warnings: [] },
    ],
  );

  expect(verdictSentence(rows)).toBe('2 of 3 cases are accepted (1 without some of their files), 1 not uploaded.');
  expect(verdictText(rows)).toMatch(/^p1 +partly accepted$/m);
  expect(verdictText(rows)).toContain('not uploaded  p1/labels/valve.nii.gz: There is no task "valve".');
});
