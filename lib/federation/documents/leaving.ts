import type { z } from 'zod';
import {
  type Consent,
  consentSchema,
  type Notice,
  noticeSchema,
  type Score,
  type ScoreComparison,
  type Summary,
  scoreComparisonSchema,
  scoreSchema,
  summarySchema,
  updateSchema,
} from '../schemas.ts';
import { code, markdownTable } from './markdown.ts';

/** What a field says of the site, and the consent term that decides whether it leaves. */
type Line = readonly [says: string, term: string];
/** A line for every field of a schema: the compiler asks for the line of a new one. Fields of one line are joined. */
type Lines<T> = { readonly [K in keyof Required<T>]: Line };

type Updates = z.infer<typeof updateSchema>;
type Answer = Extract<Updates, { status: 'ok' }>;
type Failure = Extract<Updates, { status: 'failed' }>;

const AGREED = 'agreeing to the campaign';
const FIGURES = '`figures`, `minimumCases`';
const SCORES = '`scores`, `minimumCases`';
const ALWAYS = 'always, before any consent';
const ADDRESS: Line = ['which answer it is', AGREED];
const COUNTS: Line = ['numbers of cases and labels, of no single case', ALWAYS];
const STATE: Line = [
  'what the site has answered, who, when, why, and its limits',
  'the person who decides; that the site was asked, with the limits of its policy, leaves before any answer',
];

const addressed = {
  schema: ADDRESS,
  campaign: ADDRESS,
  stage: ADDRESS,
  round: ADDRESS,
  site: ADDRESS,
  at: ADDRESS,
  status: ADDRESS,
};

const ANSWER: Lines<Answer> = {
  ...addressed,
  base: ADDRESS,
  consent: ['the consent under which it leaves', AGREED],
  samples: ['number of cases used', AGREED],
  privacy: ['with differential privacy: clip, noise, and whether the update was clipped', AGREED],
  dpSgd: ['with DP-SGD: its clip, noise, sampling rate, steps and ε', AGREED],
  secure: ['with secure aggregation: encrypted shares that open the masks of the sum', AGREED],
  weights: ["where the site's weights are, their size and hash", '`weights` in the terms of the stage'],
  figures: ['losses, steps, numbers of cases and labels, by name', FIGURES],
  validation: ['mean loss over validation cases, and their number', FIGURES],
  scores: ['scores of models, see below', SCORES],
  comparisons: ['differences of two models, see below', SCORES],
  seconds: ['how long the work took', AGREED],
  backend: ['kind of computer', AGREED],
  peakRss: ['memory used', AGREED],
};

const WHY: Line = ['why the task failed, without names of cases', `${AGREED}; that it does not agree leaves too`];
const FAILED: Lines<Failure> = {
  ...addressed,
  code: WHY,
  reason: WHY,
};

const MODEL: Line = ['which model, which task', SCORES];
const CASES: Line = ['a value for each case, or means of several (`aggregates`); each list sorted by itself', SCORES];
const ALL_CASES: Line = ['one number over all cases', SCORES];
const SCORE: Lines<Score> = {
  model: MODEL,
  task: MODEL,
  errors: CASES,
  dice: CASES,
  hausdorff95: CASES,
  volumes: CASES,
  volumeErrors: CASES,
  falseVolumes: CASES,
  volumeErrorByTruth: ALL_CASES,
  calibration: ['numbers of points or voxels by confidence', SCORES],
  withoutAnnulus: ALL_CASES,
};
const COMPARISON: Lines<ScoreComparison> = {
  first: MODEL,
  second: MODEL,
  task: MODEL,
  within6mm: CASES,
  error: CASES,
  dice: CASES,
};
const SUMMARY: Lines<Summary> = {
  schema: COUNTS,
  site: COUNTS,
  at: COUNTS,
  cases: COUNTS,
  labelled: COUNTS,
  labelledEvaluation: COUNTS,
  smokeTests: COUNTS,
  release: ['release of fedcardio', ALWAYS],
};
const CONSENT: Lines<Consent> = {
  schema: STATE,
  site: STATE,
  campaign: STATE,
  plan: STATE,
  state: STATE,
  at: STATE,
  by: STATE,
  reason: STATE,
  terms: STATE,
  limits: STATE,
  until: STATE,
};

const WITHDRAWN: Line = [
  'hashes of updates that learnt from a withdrawn case; a random key',
  'whoever withdraws a case',
];
const NOTICE: Lines<Notice> = { schema: WITHDRAWN, updates: WITHDRAWN };

const [answer, failure] = updateSchema.options;

/** Objects that leave a site, with the fields of their schemas. */
const OBJECTS = [
  ['update', answer.shape, ANSWER],
  ['score', scoreSchema.shape, SCORE],
  ['comparison', scoreComparisonSchema.shape, COMPARISON],
  ['failure', failure.shape, FAILED],
  ['counts', summarySchema.shape, SUMMARY],
  ['answer to a campaign', consentSchema.shape, CONSENT],
  ['notice of a withdrawal', noticeSchema.shape, NOTICE],
] as const satisfies readonly (readonly [string, object, Readonly<Record<string, Line>>])[];

/** Every field that crosses the line, what it says, and the term that decides. */
export function leavingTable(): string {
  const rows = OBJECTS.flatMap(([object, shape, lines]) => {
    const fields = new Map<Line, string[]>();
    for (const field of Object.keys(shape)) {
      const line = (lines as Readonly<Record<string, Line>>)[field];
      if (!line) throw new Error(`The field ${field} of ${object} is not described.`);
      fields.set(line, [...(fields.get(line) ?? []), field]);
    }
    return [...fields].map(([[says, term], names]) => [object, names.map(code).join(', '), says, term]);
  });
  const weights = [
    'weights',
    'safetensors',
    'tensors, and without noise the heads that the site did not train in the round',
    '`weights` in the terms of the stage',
  ];
  return markdownTable(['object', 'fields', 'what they say', 'decided by'], [weights, ...rows]);
}
