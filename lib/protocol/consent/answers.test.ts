import { beforeEach, describe, expect, test } from 'vitest';
import { FedcardioError } from '../../error.ts';
import { federationKeys } from '../../federation/keys.ts';
import type { Consent, Open } from '../../federation/schemas.ts';
import { consentDocument } from '../../federation/testing.ts';
import { canonicalJson, sha256Hex } from '../../json.ts';
import type { FederationStore } from '../../storage/contract.ts';
import { createMemoryStorage } from '../../storage/testing-objects.ts';
import { type RefusalName, withUnreadable } from '../../storage/testing-unreadable.ts';
import type { ReaderContext } from '../context.ts';
import { listSites } from '../site-listing.ts';
import { type ConsentAnswer, consentAnswers, hasDecided, refusingSites, stillAgreed, willing } from './answers.ts';

const NOW = new Date('2026-03-02T08:00:00.000Z');
const SITES = ['berlin', 'bonn', 'kiel', 'ulm'];

let store: FederationStore;
let logged: Record<string, unknown>[];
beforeEach(() => {
  store = createMemoryStorage({ now: () => NOW })('heart');
  logged = [];
});

const contextOf = (federationStore = store): ReaderContext => ({
  federation: { id: 'heart' },
  federationStore,
  now: () => NOW,
  log: (event, fields) => void logged.push({ event, ...fields }),
});
const keyOf = (site: string) => federationKeys.consent(site, 'tavi');
const put = (site: string, fields: Partial<Consent> = {}) =>
  store.put(keyOf(site), canonicalJson(consentDocument({ site, ...fields })));
const listed = () => listSites(store, SITES, 'tavi');
const read = async (of = store) => consentAnswers(contextOf(of), 'tavi', SITES, await listed());

describe('the answers of sites', () => {
  test('are as they are stored, but for an agreement whose time is over', async () => {
    const consent = consentDocument({ site: 'berlin', state: 'declined', reason: 'Not now.' });
    await put('berlin', { state: 'declined', reason: 'Not now.' });
    await put('bonn', { until: '2026-03-02T08:00:00.000Z' });
    await put('kiel', { state: 'withdrawn', until: '2026-03-02T08:00:00.000Z' });

    const answers = await read();

    expect([...answers].map(([site, { state }]) => [site, state])).toEqual([
      ['berlin', 'declined'],
      ['bonn', 'ended'],
      ['kiel', 'withdrawn'],
    ]);
    const info = (await listed()).get(keyOf('berlin'));
    expect(answers.get('berlin')).toEqual({
      ...{ site: 'berlin', state: 'declined', by: consent.by, at: consent.at, until: null, reason: 'Not now.' },
      consent: { etag: info?.etag, sha256: sha256Hex(canonicalJson(consent)) },
    });
    expect(logged).toEqual([]);
  });

  test.each<[string, string | Buffer, RegExp]>([
    ['of another site', canonicalJson(consentDocument({ site: 'ulm' })), /^It is for another site or campaign\.$/],
    [
      'for another campaign',
      canonicalJson(consentDocument({ site: 'bonn', campaign: 'other' })),
      /^It is for another site or campaign\.$/,
    ],
    ['that is no JSON', '{', /is not JSON/],
    ['of a newer release', '{"schema":"fedcardio.consent/2"}', /newer release/],
    ['of more than a megabyte', Buffer.alloc(1024 * 1024 + 1, ' '), /^It has 1048577 bytes, 1048576 are allowed\.$/],
  ])('count as none if one is %s, which is logged', async (_, body, reason) => {
    await put('berlin');
    await store.put(keyOf('bonn'), body);

    expect([...(await read()).keys()]).toEqual(['berlin']);
    expect(logged).toEqual([
      { event: 'consent-unreadable', site: 'bonn', campaign: 'tavi', reason: expect.stringMatching(reason) },
    ]);
  });

  test.each<RefusalName>(['GLACIER', 'a KMS key of others'])(
    'count as none if the storage refuses one: %s',
    async (name) => {
      await put('berlin');
      await put('bonn');

      const answers = await read(withUnreadable(store, (key) => (key === keyOf('bonn') ? name : undefined)));

      expect([...answers.keys()]).toEqual(['berlin']);
      expect(logged).toMatchObject([{ event: 'consent-unreadable', site: 'bonn' }]);
    },
  );

  test('cannot be told while the storage is away', async () => {
    await put('berlin');
    const away = new FedcardioError('STORAGE_UNAVAILABLE', 'Away.');

    await expect(read({ ...store, tryGet: () => Promise.reject(away) })).rejects.toBe(away);
  });
});

type Participant = Open['participants'][number];
const participant = (site: string, consent?: Participant['consent']): Participant => ({
  ...{ site, samples: 1, summary: '"etag"' },
  ...(consent && { consent }),
});

test('a participant agrees still if its answer has not changed since the round before', async () => {
  const { etag } = await put('berlin');
  await put('bonn');
  const consent = { etag, sha256: 'a'.repeat(64) };
  const previous = {
    participants: [
      participant('berlin', consent),
      participant('bonn', consent),
      participant('kiel', consent),
      participant('ulm'),
    ],
  } as Open;

  expect([...stillAgreed('tavi', previous, await listed())]).toEqual([['berlin', { state: 'agreed', consent }]]);
  expect(stillAgreed('tavi', undefined, await listed()).size).toBe(0);
});

describe('a round asks', () => {
  const consent = { etag: '"new"', sha256: 'b'.repeat(64) };
  const of = (states: Readonly<Record<string, ConsentAnswer['state']>>, minSites: number) => {
    const answers = new Map(Object.entries(states).map(([site, state]) => [site, { state, consent }]));
    const { asked, unwilling } = willing(
      SITES.map((site) => participant(site)),
      answers,
      minSites,
    );
    return { asked: asked.map(({ site }) => site), unwilling };
  };

  test.each<[string, Parameters<typeof of>, ReturnType<typeof of>]>([
    ['all that have not refused', [{ berlin: 'agreed' }, 1], { asked: SITES, unwilling: [] }],
    [
      'none that has refused',
      [{ berlin: 'declined', bonn: 'withdrawn', kiel: 'ended' }, 1],
      { asked: ['ulm'], unwilling: ['berlin', 'bonn', 'kiel'] },
    ],
    [
      'not those that think about it, if the others are enough',
      [{ berlin: 'asked' }, 3],
      { asked: ['bonn', 'kiel', 'ulm'], unwilling: [] },
    ],
    [
      'those that think about it as well, if they are needed',
      [{ berlin: 'asked' }, 4],
      { asked: SITES, unwilling: [] },
    ],
    [
      'those that think about it, if there is nobody else',
      [{ berlin: 'asked', bonn: 'declined', kiel: 'asked', ulm: 'declined' }, 0],
      { asked: ['berlin', 'kiel'], unwilling: ['bonn', 'ulm'] },
    ],
  ])('%s', (_, [states, minSites], expected) => {
    expect(of(states, minSites)).toEqual(expected);
  });

  test('with the agreement that each site has given, and no other', () => {
    const old = { etag: '"old"', sha256: 'c'.repeat(64) };
    const answers = new Map([['berlin', { state: 'agreed' as const, consent }]]);

    const { asked } = willing([participant('berlin', old), participant('bonn', old)], answers, 1);

    expect(asked).toEqual([participant('berlin', consent), participant('bonn')]);
  });
});

test('sites that refuse a campaign are told from those that do not', async () => {
  await put('berlin', { state: 'declined' });
  await put('bonn');
  await put('kiel', { until: '2026-03-01T00:00:00.000Z' });

  expect(await refusingSites(contextOf(), 'tavi', SITES)).toEqual(new Set(['berlin', 'kiel']));
  expect(await refusingSites(contextOf(), 'tavi', ['bonn'])).toEqual(new Set());
  const unasked = { ...store, list: () => expect.unreachable() };
  expect(await refusingSites(contextOf(unasked), 'tavi', [])).toEqual(new Set());
});

test.each<[string, Partial<Consent> | undefined, boolean]>([
  ['a person has agreed', { state: 'agreed' }, true],
  ['a person has declined', { state: 'declined' }, true],
  ['a person is asked', { state: 'asked' }, false],
  ['the policy has agreed', { state: 'agreed', by: 'policy' }, false],
  ['there is no answer', undefined, false],
])('whether somebody has decided, if %s', async (_, fields, expected) => {
  if (fields) await put('berlin', fields);

  expect(await hasDecided(contextOf(), 'tavi', 'berlin')).toBe(expected);
});
