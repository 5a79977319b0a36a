import { describe, expect, test } from 'vitest';
import { FEDERATION_ACCESS, isLike, siteAccess } from './access.ts';
import { sampleKey } from './documents/objects.ts';
import { type FederationKey, federationKeys, siteKeys } from './keys.ts';
import { OBJECT_KINDS, type ObjectKind } from './objects.ts';

const AT = { campaign: 'x', stage: 'teacher/hinge-points', round: 1 };
const UPDATE = federationKeys.update(AT, 'berlin', 'x');

/** A key of every rule of keys.ts that makes keys, not prefixes. The compiler asks for the key of a new rule. */
const SITE_KEYS: Readonly<Record<NamesOf<typeof siteKeys>, string>> = {
  image: siteKeys.image('training', 'x'),
  label: siteKeys.label('evaluation', 'x', 'calcification'),
  markups: siteKeys.markups('training', 'x', 'hinge-points'),
  catalog: siteKeys.catalog('x'),
  rejected: siteKeys.rejected('x'),
  rejectedByName: siteKeys.rejectedByName('x'),
  rejectedStray: siteKeys.rejectedStray('cases/x'),
  content: siteKeys.content('x'),
  examined: siteKeys.examined,
  withdrawn: siteKeys.withdrawn('x'),
  lineage: siteKeys.lineage(AT),
  sent: siteKeys.sent(AT),
  policy: siteKeys.policy,
  consent: siteKeys.consent('x'),
  pseudoLabel: siteKeys.pseudoLabel(AT, 'calcification', 'x'),
  softLabel: siteKeys.softLabel(AT, 'calcification', 'x'),
  pseudoLabelReport: siteKeys.pseudoLabelReport(AT, 'calcification', 'x'),
  prediction: siteKeys.prediction('x', 'x', 'calcification', 'x'),
  job: siteKeys.job(AT),
  optimizer: siteKeys.optimizer(AT),
  localParameters: siteKeys.localParameters(AT),
  doctor: siteKeys.doctor('x'),
  unfinished: siteKeys.unfinished(AT),
  signingKey: siteKeys.signingKey,
  knownSite: siteKeys.knownSite('bonn'),
  campaignSecret: siteKeys.campaignSecret('x'),
  knownCohort: siteKeys.knownCohort({ ...AT, attempt: 1 }),
  maskedCohort: siteKeys.maskedCohort(AT),
  endorsedList: siteKeys.endorsedList(AT),
  sentMasked: siteKeys.sentMasked(AT, 'x'),
  ledger: siteKeys.ledger,
  privacySecret: siteKeys.privacySecret,
};
const FEDERATION_KEYS: Readonly<Record<NamesOf<typeof federationKeys>, FederationKey>> = {
  tasks: federationKeys.tasks,
  doctor: federationKeys.doctor('x'),
  summary: federationKeys.summary('berlin'),
  consent: federationKeys.consent('berlin', 'x'),
  withdrawal: federationKeys.withdrawal('berlin', 'x'),
  campaign: federationKeys.campaign('x'),
  plan: federationKeys.plan('x'),
  control: federationKeys.control('x'),
  outcome: federationKeys.outcome('x'),
  open: federationKeys.open(AT),
  sent: federationKeys.sent(AT),
  updateWeights: federationKeys.updateWeights(AT, 'berlin', 'x'),
  update: UPDATE,
  refusal: federationKeys.refusal(UPDATE),
  weightsBeside: federationKeys.weightsBeside(UPDATE),
  setup: federationKeys.setup({ ...AT, attempt: 1 }),
  cohort: federationKeys.cohort({ ...AT, attempt: 1 }),
  asked: federationKeys.asked(AT),
  stepAnswer: federationKeys.stepAnswer(AT, 'berlin', 'endorse'),
  survivors: federationKeys.survivors(AT),
  endorsed: federationKeys.endorsed(AT),
  opened: federationKeys.opened(AT),
  maskedSum: federationKeys.maskedSum(AT, 'x'),
  mean: federationKeys.mean(AT, 'x'),
  mergeJob: federationKeys.mergeJob(AT),
  lease: federationKeys.lease(AT),
  seal: federationKeys.seal(AT),
  commit: federationKeys.commit(AT),
  global: federationKeys.global(AT, 'x'),
  merged: federationKeys.merged(AT),
  state: federationKeys.state(AT, 'x'),
  init: federationKeys.init('x', 'x'),
  noise: federationKeys.noise(AT),
  start: federationKeys.start(AT),
};
type Prefixes =
  | `${string}Prefix`
  | 'derivedPrefixes'
  | 'ofEvent'
  | 'pseudoLabels'
  | 'round'
  | 'models'
  | 'campaignUpdates'
  | 'siteUpdates';
type NamesOf<Keys> = Exclude<keyof Keys, Prefixes>;

const of = (bucket: ObjectKind['bucket']) => OBJECT_KINDS.filter((kind) => kind.bucket === bucket);
const patternOf = ({ key }: ObjectKind) => key.replace(/<\w+>/g, '*');

describe('the list of stored objects', () => {
  test.each([
    ['site', SITE_KEYS],
    ['federation', FEDERATION_KEYS],
  ] as const)('has every key of the %s bucket', (bucket, keys) => {
    const missing = Object.entries(keys).filter(([, key]) => !of(bucket).some((kind) => isLike(key, patternOf(kind))));

    expect(missing).toEqual([]);
  });

  test.each([
    ['a site bucket', of('site'), Object.values(siteAccess('berlin')).map(({ own }) => own)],
    [
      'the federation bucket',
      of('federation'),
      [...Object.values(siteAccess('berlin')).map((access) => access.federation), ...Object.values(FEDERATION_ACCESS)],
    ],
  ])('has all that access.ts lets roles read and write in %s', (_, kinds, access) => {
    const patterns = access.flatMap(({ read = [], write = [] }) => [...read, ...write]);

    const unknown = patterns.filter((pattern) => !kinds.some((kind) => isLike(sampleKey(kind), pattern)));

    expect(unknown).toEqual([]);
  });
});

test.each([
  ['campaigns/*/seal.json', 'campaigns/c/teacher/0001/seal.json', true],
  ['campaigns/*/seal.json', 'campaigns/seal.json', false],
  ['updates/berlin/*', 'updates/berlin/', true],
  ['updates/berlin/*', 'updates/bern/x', false],
  ['a*a', 'a', false],
  ['a*b*', 'xab', false],
  ['a', 'a', true],
  ['a', 'ab', false],
])('the pattern %s matches %s: %s', (pattern, key, expected) => {
  expect(isLike(key, pattern)).toBe(expected);
});
