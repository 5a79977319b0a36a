import { describe, expect, test } from 'vitest';
import { type Expectation, violations } from './checks.ts';
import type { Committed, Evidence } from './evidence.ts';
import { CASES, ROUNDS, SITES } from './federation.ts';

/** The checks must fail when something is lost or changed: here it is, one thing at a time. */

const COMMITS: readonly Committed[] = ROUNDS.map((round) => ({
  round,
  sites: SITES,
  samples: SITES.length,
  figures: { loss: 1 },
  model: `hash-of-${round}`,
}));
const MODEL = '/heart-federation/models/aortic/teacher/0001/ab.safetensors';
const LABEL = '/heart-site-kiel/pseudo-labels/aortic/pseudo-label/hinge-points/unlabelled.nii.gz';
const SENT = 'updates/kiel/aortic/teacher/0001/cd.update.json';
const TASK = JSON.stringify({ schema: 'fedcardio.task/1', campaign: 'aortic', stage: 'teacher', round: 1 });
const STEP = JSON.stringify({
  schema: 'fedcardio.step/1',
  campaign: 'aortic',
  stage: 'teacher',
  round: 1,
  step: 'reveal',
});
const SETUP = JSON.stringify({
  schema: 'fedcardio.step/1',
  campaign: 'aortic',
  stage: 'teacher',
  attempt: 1,
  step: 'keys',
});
const EXPECTED: Expectation = {
  commits: COMMITS,
  derived: { [LABEL]: 'l1' },
  damaged: ['kiel/damaged-1'],
  poison: ['garbage'],
  otherCampaigns: { bad: 'failed', next: 'none' },
};

const perSite = <T>(of: (site: string) => T): Readonly<Record<string, T>> =>
  Object.fromEntries(SITES.map((site) => [site, of(site)]));

const EVIDENCE: Evidence = {
  outcome: { status: 'completed' },
  commits: COMMITS,
  verified: [],
  objects: {
    [MODEL]: 'e1',
    [LABEL]: 'l1',
    [`/heart-federation/${SENT}`]: 'u1',
    '/heart-federation/campaigns/aortic/teacher/0001/commit.json': 'c1',
  },
  recorded: [
    { kind: 'asked', subject: MODEL, method: 'PUT', once: true },
    { kind: 'answered', subject: MODEL, method: 'PUT', once: true, status: 200, etag: 'e1' },
    { kind: 'messages', subject: 'SendMessage heart-kiel-tasks', ids: ['m1'], body: TASK },
    { kind: 'messages', subject: 'ReceiveMessage heart-kiel-tasks', ids: ['m1'] },
  ],
  deadLetters: [
    { queue: 'heart-kiel-tasks-dlq', id: 'd1', body: 'garbage' },
    { queue: 'heart-kiel-tasks-dlq', id: 'd2', body: TASK },
    { queue: 'heart-kiel-tasks-dlq', id: 'd3', body: STEP },
    { queue: 'heart-kiel-tasks-dlq', id: 'd4', body: SETUP },
  ],
  refused: { d1: 'It is not JSON.' },
  waiting: {},
  summaries: perSite((site) => ({
    schema: 'fedcardio.summary/1',
    site,
    at: '2026-03-02T08:00:00.000Z',
    cases: { training: CASES.length, evaluation: 0, rejected: site === 'kiel' ? 1 : 0 },
    labelled: {},
    labelledEvaluation: {},
  })),
  cataloged: perSite(() => CASES.map(({ id }) => id)),
  rejected: perSite((site): Readonly<Record<string, string>> => (site === 'kiel' ? { 'damaged-1': 'no image' } : {})),
  otherOutcomes: { bad: 'failed', next: 'none' },
  sent: {
    kiel: [
      {
        schema: 'fedcardio.sent-object/1',
        at: '',
        id: 'i',
        key: SENT,
        bytes: 1,
        sha256: '',
        what: 'update',
        state: 'stored',
      },
    ] as never,
  },
  faults: [],
};

const without = (key: string): Evidence['objects'] =>
  Object.fromEntries(Object.entries(EVIDENCE.objects).filter(([one]) => one !== key));
const [first, ...others] = COMMITS as readonly [Committed, ...Committed[]];

describe('the checks', () => {
  test('find nothing when nothing is wrong', () => {
    expect(violations(EVIDENCE, EXPECTED)).toEqual([]);
  });

  test.for<[string, Partial<Evidence>, RegExp]>([
    ['a stored object that is lost', { objects: without(MODEL) }, /ab\.safetensors was stored, and is lost/],
    [
      'an object that was created once and has changed',
      { objects: { ...EVIDENCE.objects, [MODEL]: 'e2' } },
      /has changed/,
    ],
    [
      'an object that was created twice',
      {
        recorded: [
          ...EVIDENCE.recorded,
          { kind: 'answered', subject: MODEL, method: 'PUT', once: true, status: 200, etag: 'e2' },
        ],
      },
      /was created 2 times/,
    ],
    [
      'an object that nobody has stored',
      {
        recorded: EVIDENCE.recorded.map((one) => ({ ...one, once: false })) as Evidence['recorded'],
        objects: { ...EVIDENCE.objects, [MODEL]: 'e2' },
      },
      /is e2, which nobody has stored/,
    ],
    ['that nothing was recorded', { recorded: [] }, /nothing was recorded that is "answered"/],
    ['that no message was recorded', { recorded: EVIDENCE.recorded.slice(0, 2) }, /that is "messages"/],
    [
      'an altered commit',
      { commits: [{ ...first, model: 'other' }, ...others] },
      /commit of teacher#1 is .*other.*, .*hash-of-teacher#1/,
    ],
    [
      'a commit with other figures',
      { commits: [{ ...first, figures: { loss: 2 } }, ...others] },
      /commit of teacher#1/,
    ],
    ['a missing commit', { commits: others }, /commit of teacher#1 is missing/],
    [
      'another pseudo-label',
      { objects: { ...EVIDENCE.objects, [LABEL]: 'l2' } },
      /unlabelled\.nii\.gz is l2, l1 without/,
    ],
    ['what verify finds', { verified: ['teacher 1: other bytes'] }, /verify: teacher 1: other bytes/],
    [
      'a campaign that has failed',
      { outcome: { status: 'failed', reason: 'no quorum' } },
      /ended as failed: no quorum/,
    ],
    [
      'a case that is not in the catalog',
      { cataloged: { ...EVIDENCE.cataloged, oslo: [] } },
      /case labelled of oslo is not in/,
    ],
    [
      'a damaged case in the catalog',
      { cataloged: { ...EVIDENCE.cataloged, kiel: ['labelled', 'unlabelled', 'damaged-1'] } },
      /damaged case damaged-1 of kiel is in/,
    ],
    ['a damaged case that is not rejected', { rejected: perSite(() => ({})) }, /damaged-1 of kiel is not rejected/],
    ['a wrong count', { summaries: {} }, /oslo counts undefined/],
    ['a message that nobody has received', { recorded: EVIDENCE.recorded.slice(0, 3) }, /message m1 was lost/],
    [
      'a dead letter without an explanation',
      { deadLetters: [{ queue: 'q', id: 'x', body: '{"Records":[]}x' }] },
      /q has a dead letter/,
    ],
    ...[TASK, STEP, SETUP].map((body): [string, Partial<Evidence>, RegExp] => [
      `a dead letter of a round that has not ended: ${body}`,
      {
        objects: without('/heart-federation/campaigns/aortic/teacher/0001/commit.json'),
        deadLetters: [{ queue: 'q', id: 'x', body }],
      },
      /q has a dead letter without/,
    ]),
    [
      'a message that was refused, though its round has ended',
      { refused: { d3: 'Not endorsed.' } },
      /dead letter that was refused: Not endorsed\. .*reveal/,
    ],
    ['a message that is still waiting', { waiting: { q: 2 } }, /q still has 2 messages/],
    [
      'something sent from a hospital that is lost',
      { objects: without(`/heart-federation/${SENT}`) },
      /kiel has sent .* and it is lost/,
    ],
    [
      'another campaign that did not end',
      { otherOutcomes: { bad: 'none', next: 'none' } },
      /campaign bad is none, not failed/,
    ],
    ['a process that ended by itself', { faults: ['server ended by itself: code 1'] }, /server ended by itself/],
  ])('find %s', ([, change, found]) => {
    expect(violations({ ...EVIDENCE, ...change }, EXPECTED).join('\n')).toMatch(found);
  });

  test('take a failure for the removed site with its cause, and for nothing else', () => {
    const failed = (reason: string): Evidence => ({ ...EVIDENCE, commits: [], outcome: { status: 'failed', reason } });
    const removed = { ...EXPECTED, removed: 'kiel' };

    expect(violations(failed('failed: kiel (The process was ended by SIGKILL.)'), removed)).toEqual([]);
    expect(violations(failed('failed: oslo (The process was ended by SIGKILL.)'), removed)).toHaveLength(1);
    expect(violations(failed('failed: kiel'), removed)).toHaveLength(1);
    expect(violations(EVIDENCE, removed)).toEqual(['kiel was not removed: the campaign has completed']);
    expect(violations(failed('failed: kiel (The process was ended by SIGKILL.)'), EXPECTED)).toHaveLength(1);
    const altered = { ...failed('kiel: SIGKILL'), commits: [{ ...first, model: 'other' }] };
    expect(violations(altered, removed).join('\n')).toMatch(/commit of teacher#1/);
  });
});
