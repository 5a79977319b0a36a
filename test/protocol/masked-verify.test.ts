import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sweep } from '../../handlers/sweep.ts';
import { type FederationKey, federationKeys } from '../../lib/federation/keys.ts';
import {
  cohortSchema,
  type Open,
  openSchema,
  type Seal,
  sealSchema,
  type Update,
  updateSchema,
} from '../../lib/federation/schemas.ts';
import { canonicalJson } from '../../lib/json.ts';
import { maskedFault } from '../../lib/protocol/secure/masked-fault.ts';
import { verifyCampaign } from '../../lib/protocol/verify-campaign.ts';
import { readJson } from '../../lib/storage/documents.ts';
import { maskedCampaignWith, QUORUM } from './simulated-campaign.ts';
import { type SimulatedFederation, simulateFederation } from './simulated-federation.ts';

const AT = { campaign: 'tavi', stage: 'teacher', round: 1 };
const COHORT = federationKeys.cohort({ campaign: 'tavi', stage: 'teacher', attempt: 1 });
const OPEN = federationKeys.open(AT);
const SEAL = federationKeys.seal(AT);
const OPENED = federationKeys.opened(AT);
const COMMIT = federationKeys.commit(AT);

let world: SimulatedFederation;
let open: Open;
let seal: Seal;
let original: Map<FederationKey, Uint8Array>;
const store = () => world.context.federationStore;

beforeAll(async () => {
  world = simulateFederation(['berlin', 'hamburg', 'munich'].map((id) => ({ id, samples: 4, behaviour: 'good' })));
  await world.upload(maskedCampaignWith(QUORUM, 1));
  for (let tick = 0; tick < 4; tick++) {
    for (let next = world.pending.shift(); next; next = world.pending.shift()) await world.deliver(next);
    await sweep(world.context);
  }
  open = (await readJson(store(), OPEN, openSchema)).value;
  seal = (await readJson(store(), SEAL, sealSchema)).value;
  original = new Map();
});

afterEach(async () => {
  for (const [key, body] of original) await store().put(key, body);
  original.clear();
});

interface Json {
  readonly [name: string]: Json;
}

/** Changes a stored document until the test ends. */
async function forge(key: FederationKey, change: (document: Json) => unknown): Promise<void> {
  const { body } = await store().get(key);
  original.set(key, body);
  await store().put(key, canonicalJson(change(JSON.parse(Buffer.from(body).toString()))));
}

async function faults(): Promise<readonly string[]> {
  const { faults: ofCampaign, rounds } = await verifyCampaign(store(), 'tavi');
  return [...ofCampaign, ...rounds.flatMap((round) => round.faults)];
}

/** Gives the round another cohort, as a coordinator would who writes all of its documents anew. */
async function withCohort(change: (document: Json) => unknown): Promise<void> {
  await forge(COHORT, change);
  const { sha256 } = await readJson(store(), COHORT, cohortSchema);
  await forge(OPEN, (document) => ({ ...document, secure: { ...document.secure, cohort: sha256 } }));
}

test('a masked round has no faults', async () => {
  expect(await faults()).toEqual([]);
  expect(open.participants).toHaveLength(3);
});

test.each<readonly [string, (document: Json) => unknown, RegExp]>([
  [
    'another plan',
    ({ cohort, ...rest }) => ({ ...rest, cohort: { ...cohort, plan: 'a'.repeat(64) } }),
    /the keys of berlin are for another campaign, stage, plan or attempt/,
  ],
  [
    'another threshold',
    ({ cohort, ...rest }) => ({ ...rest, cohort: { ...cohort, threshold: open.secure?.threshold === 2 ? 3 : 2 } }),
    /open\.json has another threshold than cohort\.json/,
  ],
  [
    'an impossible threshold',
    ({ cohort, ...rest }) => ({ ...rest, cohort: { ...cohort, threshold: 1 } }),
    /its threshold of 1 is not between 2 and 3/,
  ],
  [
    'another fixed point',
    ({ terms, ...rest }) => ({ ...rest, terms: { ...terms, range: 1e6 } }),
    /cohort\.json has another fixed point than its plan and its sites have/,
  ],
])('a cohort with %s is a fault', async (_, change, fault) => {
  await withCohort(change);

  expect((await faults()).join('\n')).toMatch(fault);
});

test('a cohort that the round was not opened with is a fault', async () => {
  await forge(COHORT, ({ cohort, ...rest }) => ({ ...rest, cohort: { ...cohort, threshold: 2, rounds: 7 } }));

  expect((await faults()).join('\n')).toMatch(/is not the cohort that the round was opened with/);
});

test('a participant outside of the cohort is a fault', async () => {
  const stranger = { ...open.participants[0], site: 'ulm' };
  await forge(OPEN, (document) => ({ ...document, participants: [...open.participants, stranger] }));

  expect(await faults()).toContain('open.json has participants outside of the cohort');
});

test('a round without the masks of the plan is a fault', async () => {
  await forge(OPEN, ({ secure: _, ...document }) => document);

  expect(await faults()).toContain('open.json does not ask for masks as the plan does');
});

const withUpdate = (fields: object) => () => ({
  ...seal,
  updates: seal.updates.map((update, i) => (i === 0 ? { ...update, ...fields } : update)),
});

test.each<readonly [string, FederationKey, (document: Json) => unknown, string]>([
  [
    'another commitment in the seal',
    SEAL,
    withUpdate({ commitment: 'b'.repeat(64) }),
    'berlin: seal.json has another commitment',
  ],
  [
    'weights that the site has not sent',
    SEAL,
    () => withUpdate({ weights: seal.updates[1]?.weights })(),
    'the sum in seal.json is not that of its updates',
  ],
  [
    'another sum',
    SEAL,
    () => ({ ...seal, sum: { ...seal.sum, sha256: 'c'.repeat(64) } }),
    'the sum in seal.json is not that of its updates',
  ],
  [
    'opened secrets of other sites',
    OPENED,
    (document) => ({ ...document, sites: ['berlin'] }),
    'commit.json does not name opened.json',
  ],
  [
    'another model',
    COMMIT,
    ({ global, ...commit }) => ({ ...commit, global: { ...global, sha256: 'd'.repeat(64) } }),
    'the model is not what its updates merge to',
  ],
  ['figures', COMMIT, (commit) => ({ ...commit, figures: { loss: 1 } }), 'masked updates have no figures'],
])('%s: a fault', async (_, key, change, fault) => {
  await forge(key, change);

  expect(await faults()).toContain(fault);
});

test('masks that nobody opened are a fault', async () => {
  original.set(OPENED, (await store().get(OPENED)).body);
  await store().delete(OPENED);

  expect(await faults()).toContain('opened.json is missing');
});

test('an update with another signature is a fault', async () => {
  const { key } = seal.updates[0] as Seal['updates'][number];
  await forge(key, ({ secure, ...update }) => ({
    ...update,
    secure: { ...secure, content: { ...secure?.content, commitment: 'e'.repeat(64) } },
  }));

  const found = await faults();
  expect(found).toContain('berlin: seal.json has another commitment');
  expect(found).toEqual(expect.arrayContaining([expect.stringMatching(/^berlin: .*sign/i)]));
});

describe('a masked update is refused', () => {
  type Answer = Extract<Update, { status: 'ok' }>;
  const updateOf = async (site: number) =>
    (await readJson(store(), (seal.updates[site] as Seal['updates'][number]).key, updateSchema)).value as Answer;

  test.each<[string, (own: Answer, other: Answer) => Partial<Answer>, string]>([
    ['without masks', () => ({ secure: undefined }), 'the update is not masked'],
    ['of another site', (_, { secure }) => ({ secure }), 'the masked update is one of hamburg'],
    ['with another weight', () => ({ samples: 3 }), 'a masked update counts the cases that its cohort counts'],
    ['with figures', () => ({ figures: { loss: 1 } }), 'a masked update has no figures'],
    ['with other weights', (_, { weights }) => ({ weights }), 'the signature is for other weights'],
    ['without weights', () => ({ weights: null }), 'the signature is for other weights'],
  ])('%s', async (_, change, fault) => {
    const [own, other] = [await updateOf(0), await updateOf(1)];

    expect(await maskedFault(store(), open, 'berlin', own)).toBeUndefined();
    expect(await maskedFault(store(), open, 'berlin', { ...own, ...change(own, other) })).toBe(fault);
  });

  test('in another round than the one that it was signed for', async () => {
    const own = await updateOf(0);

    expect(await maskedFault(store(), { ...open, round: 2 }, 'berlin', own)).toMatch(/^Secure aggregation: /);
  });
});
