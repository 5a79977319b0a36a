import { describe, expect, test } from 'vitest';
import { gpuTaskMessage } from '../../lib/federation/testing.ts';
import { lineOfGpuTask, lineOfLog } from './activity.ts';

const AT = { campaign: 'c', stage: 'student', round: 2 };

describe('what happens is told in a line', () => {
  test.each([
    [
      'a case that is accepted',
      'case-examined',
      { site: 'bonn', case: 'p1', cataloged: true, faults: [] },
      'bonn: case p1 accepted',
    ],
    [
      'a case that is accepted without a label',
      'case-examined',
      {
        site: 'bonn',
        case: 'p1',
        cataloged: true,
        faults: [{ key: 'labels/x.nii.gz', reason: 'There is no task "x".' }],
      },
      'bonn: case p1 accepted, but not · labels/x.nii.gz: There is no task "x".',
    ],
    [
      'a case that is rejected',
      'case-examined',
      { site: 'bonn', case: 'p1', cataloged: false, faults: [{ key: 'image.nii.gz', reason: 'It is cut off.' }] },
      'bonn: case p1 rejected · image.nii.gz: It is cut off.',
    ],
    [
      'a file outside any case',
      'case-examined',
      {
        site: 'bonn',
        case: 'cases/scan.nii.gz',
        cataloged: false,
        faults: [{ key: 'cases/scan.nii.gz', reason: 'The file is not in a case folder.' }],
      },
      'bonn: cases/scan.nii.gz: The file is not in a case folder.',
    ],
    [
      'a case whose files were removed',
      'case-examined',
      { site: 'bonn', case: 'p1', cataloged: false, faults: [] },
      'bonn: case p1 has no CT: removed, or not uploaded yet',
    ],
    [
      'a round',
      'round-opened',
      { ...AT, participants: [{ site: 'bonn', samples: 2 }, 'jena'], quorum: 2 },
      'c: student round 2 opened for bonn, jena',
    ],
    [
      'a commit',
      'round-committed',
      { ...AT, sites: ['bonn'], figures: { loss: 0.25 } },
      'c: student round 2 committed with bonn, loss 0.250',
    ],
    [
      'a refused update',
      'update-refused',
      { ...AT, site: 'jena', reason: 'Its weights are NaN.' },
      'c: student round 2: the update of jena was refused: Its weights are NaN.',
    ],
    [
      'an outcome',
      'campaign-ended',
      { campaign: 'c', status: 'failed', reason: 'There is no task "x".' },
      'c: failed: There is no task "x".',
    ],
    [
      'a campaign that asks a person',
      'consent-asked',
      { site: 'bonn', campaign: 'c' },
      'c asks bonn, and waits for an answer: npx fedcardio site consent bonn c --endpoint http://127.0.0.1:4566',
    ],
    ['a sweep of a campaign', 'sweep-failed', { campaign: 'c', reason: 'No.' }, 'c: No.'],
    ['a sweep of no campaign', 'sweep-failed', { reason: 'No.' }, 'sweep failed: No.'],
    ['an outcome without a reason', 'campaign-ended', { campaign: 'c', status: 'completed' }, 'c: completed'],
    ['what only the log file has', 'tasks-sent', { ...AT, sites: ['bonn'] }, undefined],
    ['what every object has', 'constructor', {}, undefined],
  ] as const)('%s', (_what, event, fields, line) => {
    const siteLine = (...words: readonly string[]) =>
      `npx fedcardio site ${words.join(' ')} --endpoint http://127.0.0.1:4566`;

    expect(lineOfLog(event, fields, siteLine)).toBe(line);
  });

  test('a line is one line, whatever a site has written', () => {
    const line = lineOfLog('update-refused', { ...AT, site: 'jena', reason: 'first\nsecond\u001b[2J' });

    expect(line).toContain('first');
    for (const control of ['\n', '\u001b']) expect(line).not.toContain(control);
  });
});

test('a GPU task is told when it starts, ends, and is tried again', () => {
  const message = gpuTaskMessage({ campaign: 'c', stage: 'student', round: 2, site: 'bonn' });

  expect(lineOfGpuTask({ type: 'started', message, attempt: 1 })).toBe('c: student round 2: GPU task of bonn started');
  expect(lineOfGpuTask({ type: 'started', message, attempt: 2 })).toMatch(/ started, attempt 2$/);
  expect(lineOfGpuTask({ type: 'done', message, result: 'done', seconds: 1.26, peakRss: 1 })).toMatch(
    / done in 1\.3 s$/,
  );
  expect(lineOfGpuTask({ type: 'retrying', message, reason: 'It ended.' })).toMatch(
    / will be tried again: It ended\.$/,
  );
  expect(lineOfGpuTask({ type: 'failed', message, reason: 'NO_DATA.' })).toMatch(/ failed: NO_DATA\.$/);
  expect(lineOfGpuTask({ type: 'output', line: 'noise' })).toBeUndefined();
});
