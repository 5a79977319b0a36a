import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FederationKey, federationKeys } from '../../federation/keys.ts';
import {
  type CohortDocument,
  endorsedSchema,
  endorsementSchema,
  type Open,
  openedSchema,
  openSchema,
  revealSchema,
  type Seal,
  sealSchema,
  survivorsSchema,
  updateSchema,
} from '../../federation/schemas.ts';
import { canonicalJson, sha256Hex } from '../../json.ts';
import { shareKeys } from '../../privacy/key-messages.ts';
import { masksOf } from '../../privacy/recovery.ts';
import { signed, toBase64 } from '../../privacy/site-keys.ts';
import { readJson } from '../../storage/documents.ts';
import { DENIED, PERMANENT } from '../../storage/testing-unreadable.ts';
import { openCohort } from './cohort.ts';
import { openMasks } from './open-masks.ts';
import { siteSecrets } from './site-keys.ts';
import { publishSurvivors } from './survivors.ts';
import {
  AT,
  beside,
  type Coordinator,
  cohortOf,
  copyObjects,
  createCoordinator,
  DAY_SECONDS,
  refusing,
  SETUP,
  SITES,
  sendUpdate,
  WAIT,
} from './testing.ts';

/** Sites whose updates are sealed. Ulm has sent none. Any three of the four must answer in every phase. */
const SENT = ['berlin', 'hamburg', 'munich'];
const RESEND_SECONDS = 900;
const OTHER = '0'.repeat(64);
const openAt = federationKeys.open(AT);
const sealAt = federationKeys.seal(AT);
const survivorsAt = federationKeys.survivors(AT);
const endorsedAt = federationKeys.endorsed(AT);
const openedAt = federationKeys.opened(AT);
const answerAt = (step: 'endorse' | 'reveal', site: string) => federationKeys.stepAnswer(AT, site, step);
const sharesAt = (site: string) => federationKeys.stepAnswer(SETUP, site, 'shares');

let coordinator: Coordinator;
let cohort: CohortDocument;
let open: Open;
type Update = Awaited<ReturnType<typeof sendUpdate>>;
let sent: readonly Update[];
let updates: Update[];
const keyOfUpdate: Record<string, FederationKey> = {};

/** Stores the messages of these updates as they are sealed, and the list of them for the sites. */
async function sealUpdates(): Promise<void> {
  const sealed: Seal['updates'] = [];
  for (const secure of updates) {
    const { site, commitment, weights: sha256 } = secure.content;
    const weights = { key: federationKeys.updateWeights(AT, site, sha256), sha256, bytes: 100 };
    const update = updateSchema.parse({
      ...{ schema: 'fedcardio.update/1', ...AT, site, at: WAIT.at, status: 'ok', samples: 4, base: null, secure },
      ...{ weights: { ...weights, delta: true }, figures: {}, seconds: 1 },
    });
    const key = federationKeys.update(AT, site, sha256);
    keyOfUpdate[site] = key;
    await coordinator.put(key, update);
    sealed.push({ site, key, sha256: sha256Hex(canonicalJson(update)), samples: 4, weights, commitment });
  }
  const seal = { schema: 'fedcardio.seal/1', ...AT, at: WAIT.at, open: OTHER, updates: sealed, failed: [] };
  await coordinator.put(sealAt, seal);
  await coordinator.context.federationStore.delete(survivorsAt);
  await publishSurvivors(coordinator.context, open, sealSchema.parse(seal));
}

let prepared: Coordinator;
/** All four sites have sent shares, and three of them an update. */
beforeAll(async () => {
  coordinator = await createCoordinator();
  const { context, plan, stage } = coordinator;
  cohort = await cohortOf(context, plan.sha256, SITES, 1);
  await coordinator.put(federationKeys.cohort(SETUP), cohort);
  await coordinator.answer('shares');
  open = openSchema.parse({
    ...{ schema: 'fedcardio.open/1', ...AT, ...WAIT, config: stage, seed: 0, base: null, quorum: 3 },
    participants: SITES.map((site) => ({ site, samples: 4, summary: '"etag"' })),
    previous: plan.sha256,
    secure: { cohort: sha256Hex(canonicalJson(cohort)), attempt: 1, threshold: 3 },
  });
  await coordinator.put(openAt, open);
  sent = await Promise.all(SENT.map((site) => sendUpdate(context, cohort, site)));
  updates = [...sent];
  await sealUpdates();
  prepared = coordinator;
});

beforeEach(async () => {
  coordinator = await createCoordinator();
  updates = [...sent];
  await copyObjects(prepared.context, coordinator.context);
});

interface OpenOptions {
  readonly context?: Coordinator['context'];
  readonly resendAfterSeconds?: number;
}
const openAll = ({ context = coordinator.context, resendAfterSeconds = RESEND_SECONDS }: OpenOptions = {}) =>
  openMasks(context, coordinator.plan, AT, resendAfterSeconds);

const endorsed = async () => (await readJson(coordinator.context.federationStore, endorsedAt, endorsedSchema)).value;
const opened = async () => (await readJson(coordinator.context.federationStore, openedAt, openedSchema)).value;
const exists = async (key: FederationKey) => (await coordinator.context.federationStore.head(key)) !== undefined;
const logsOf = (event: string) => coordinator.logged.filter(([name]) => name === event).map(([, fields]) => fields);

/** The sites that were asked since the last call, by step. All were asked for this round. */
const asked = () => {
  const bySteps: Record<string, string[]> = {};
  for (const { site, step, round } of coordinator.takeAsked()) {
    expect(round).toBe(AT.round);
    bySteps[step] = [...(bySteps[step] ?? []), site].sort();
  }
  return bySteps;
};

/** Brings the round to the point where these sites have endorsed the list. */
async function toEndorsed(sites: readonly string[] = SITES): Promise<void> {
  await coordinator.answer('endorse', sites);
  await openAll();
  asked();
}

const secretsOf = (site: string) => siteSecrets(coordinator.context.siteStore(site), site, AT.campaign);
/** What a site has answered, with a change that it signs itself. */
async function changedAnswer<C extends object>(step: 'endorse' | 'reveal', site: string, change: (content: C) => void) {
  await coordinator.answer(step, [site]);
  const schema = step === 'endorse' ? endorsementSchema : revealSchema;
  const name = step === 'endorse' ? 'endorsement' : 'reveal';
  const answer = (await readJson(coordinator.context.federationStore, answerAt(step, site), schema)).value;
  const { content } = answer[name as keyof typeof answer] as unknown as { readonly content: C };
  change(content);
  return { schema: answer.schema, [name]: signed(name, content, (await secretsOf(site)).signingKey) };
}
/** Seals the list of updates, in which a site has sealed its own shares for all others alike. */
async function sealWrongly(site: string): Promise<void> {
  const index = SENT.indexOf(site);
  const { content } = updates[index]!;
  const sealed = Object.fromEntries(SITES.map((other) => [other, content.sealed[site]!]));
  updates[index] = signed('update', { ...content, sealed }, (await secretsOf(site)).signingKey);
  await sealUpdates();
}
const stored = async (key: FederationKey) =>
  JSON.parse(Buffer.from((await coordinator.context.federationStore.get(key)).body).toString());
const pauseFor = (from: string, until: string | null) =>
  coordinator.put(federationKeys.control(AT.campaign), {
    ...{ schema: 'fedcardio.control/1', campaign: AT.campaign, pauses: [{ from, until }] },
  });

const lost = (why: string, lack: string) => `Round 1 of teacher is lost: ${why}. Its updates stay masked. ${lack}`;
const tooFew = (count: number, what: string, lack: string) => lost(`${count} of 4 sites have ${what}, 3 needed`, lack);
const tooFewEndorsed = (count: number, lack: string) => tooFew(count, 'endorsed the list of updates', lack);
const tooFewOpened = (count: number, lack: string) => tooFew(count, 'opened their shares', lack);

describe('the masks of a sealed round', () => {
  test('are opened when sites have endorsed the list, then opened their shares', async () => {
    await openAll();
    expect(asked()).toEqual({ endorse: SITES });
    expect(await exists(endorsedAt)).toBe(false);

    coordinator.advanceClock(60);
    await coordinator.answer('endorse');
    await openAll();
    expect(asked()).toEqual({ reveal: SITES });
    expect(await endorsed()).toEqual({
      ...{ schema: 'fedcardio.endorsed/1', ...AT },
      ...{ at: '2026-03-02T08:01:00.000Z', deadline: '2026-03-03T08:01:00.000Z' },
      endorsements: await Promise.all(SITES.map(async (site) => (await stored(answerAt('endorse', site))).endorsement)),
      updates,
      keyShares: [(await stored(sharesAt('ulm'))).shares],
    });
    expect(logsOf('survivors-endorsed')).toEqual([{ ...AT, sites: SITES }]);
    expect(await exists(openedAt)).toBe(false);

    coordinator.advanceClock(60);
    await coordinator.answer('reveal');
    await openAll();
    const { value: list, sha256 } = await readJson(coordinator.context.federationStore, survivorsAt, survivorsSchema);
    const found = await opened();
    expect(found).toMatchObject({ ...AT, at: '2026-03-02T08:02:00.000Z', survivors: sha256, sites: SITES });
    expect(Object.keys(found.self).sort()).toEqual(SENT);
    expect(Object.keys(found.keys)).toEqual(['ulm']);
    const { cohort: terms, directory } = openCohort(cohort);
    // Its own mask of each, and what each shares with the site that has sent none.
    expect(masksOf({ cohort: terms, round: 1 }, directory, list.list, found)).toHaveLength(6);
    expect(logsOf('masks-opened')).toEqual([{ ...AT, sites: SITES, faults: [] }]);
    expect(await coordinator.failure()).toBeUndefined();
    expect(asked()).toEqual({});
  });

  test('are opened once, however often and by however many they are looked at', async () => {
    for (const step of ['endorse', 'reveal'] as const) {
      await openAll();
      const before = await coordinator.stored();
      expect(asked()).toEqual({ [step]: SITES });
      coordinator.advanceClock(RESEND_SECONDS - 1);

      await Promise.all([openAll(), openAll(), openAll()]);

      expect(await coordinator.stored()).toEqual(before);
      expect(asked()).toEqual({});
      await coordinator.answer(step);
    }
    await Promise.all([openAll(), openAll()]);
    const before = await coordinator.stored();
    expect(before).toHaveProperty([openedAt]);
    coordinator.advanceClock(2 * DAY_SECONDS);

    await openAll();

    expect(await coordinator.stored()).toEqual(before);
    expect(logsOf('survivors-endorsed')).toHaveLength(1);
  });

  test('are opened by a call that finds all answers', async () => {
    await toEndorsed();
    await coordinator.answer('reveal');
    const { etag } = await coordinator.context.federationStore.get(endorsedAt);
    await coordinator.context.federationStore.delete(endorsedAt);

    await openAll();

    expect((await coordinator.context.federationStore.get(endorsedAt)).etag).toBe(etag);
    expect(await exists(openedAt)).toBe(true);
  });

  test('are asked for again after a while, of those that have not answered', async () => {
    await openAll();
    await coordinator.answer('endorse', ['hamburg', 'ulm']);
    asked();
    coordinator.advanceClock(RESEND_SECONDS);
    await openAll();
    expect(asked()).toEqual({ endorse: ['berlin', 'munich'] });

    await toEndorsed();
    await coordinator.answer('reveal', ['ulm']);
    coordinator.advanceClock(RESEND_SECONDS);
    await openAll();

    expect(asked()).toEqual({ reveal: SENT });
  });

  test('of which all sites have sent an update need no shares of keys', async () => {
    updates.push(await sendUpdate(coordinator.context, cohort, 'ulm'));
    await sealUpdates();
    for (const site of SITES) await coordinator.put(sharesAt(site), 'something else');
    await toEndorsed();
    await coordinator.answer('reveal');

    await openAll();

    expect((await endorsed()).keyShares).toEqual([]);
    const { self, keys } = await opened();
    expect(Object.keys(self).sort()).toEqual(SITES);
    expect(keys).toEqual({});
  });

  test.each<[string, () => Promise<unknown>]>([
    ['is without masks', () => coordinator.put(openAt, { ...open, secure: undefined })],
    ['has no list of updates yet', () => coordinator.context.federationStore.delete(survivorsAt)],
    [
      'has been opened',
      async () => {
        await toEndorsed();
        await coordinator.answer('reveal');
        await openAll();
        for (const key of [openAt, sealAt, survivorsAt]) await coordinator.context.federationStore.delete(key);
      },
    ],
  ])('ask nobody if the round %s', async (_, before) => {
    await before();
    asked();
    const objects = await coordinator.stored();

    await openAll({ resendAfterSeconds: 0 });

    expect(asked()).toEqual({});
    expect(await coordinator.stored()).toEqual(objects);
  });

  test.each<[string, FederationKey]>([
    ['terms', openAt],
    ['seal', sealAt],
  ])('are not opened without the %s of the round', async (_, key) => {
    await coordinator.context.federationStore.delete(key);

    await expect(openAll()).rejects.toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining(key) });

    expect(asked()).toEqual({});
  });

  test('are not opened for another cohort than that of the round', async () => {
    const key = federationKeys.cohort(SETUP);
    await coordinator.put(key, { ...cohort, deadline: WAIT.at });

    await expect(openAll()).rejects.toMatchObject({
      code: 'BAD_MESSAGE',
      message: `${key} is not the cohort that the round was opened with.`,
    });
  });

  test.each<[string, FederationKey]>([
    ['terms', openAt],
    ['seal', sealAt],
    ['list of updates', survivorsAt],
    ['endorsed list', endorsedAt],
    ['opened secrets', openedAt],
  ])('are not opened if the %s cannot be parsed', async (_, key) => {
    await toEndorsed();
    await coordinator.answer('reveal');
    await coordinator.put(key, { schema: 'fedcardio.other/1' });

    await expect(openAll()).rejects.toMatchObject({ code: 'BAD_MESSAGE', message: expect.stringContaining(key) });

    if (key !== openedAt) expect(await exists(openedAt)).toBe(false);
  });
});

describe('the list of updates', () => {
  test('is endorsed by as many sites as are needed, and no fewer, with or without an update of their own', async () => {
    await coordinator.answer('endorse', ['berlin', 'ulm']);
    await openAll();
    expect(await exists(endorsedAt)).toBe(false);
    expect(asked()).toEqual({ endorse: ['hamburg', 'munich'] });

    await coordinator.answer('endorse', ['munich']);
    await openAll();

    expect((await endorsed()).endorsements.map(({ content }) => content.site)).toEqual(['berlin', 'munich', 'ulm']);
    expect(asked()).toEqual({ reveal: SITES });
  });

  test('is waited for until the deadline. The round is lost then', async () => {
    await coordinator.answer('endorse', ['berlin', 'ulm']);
    coordinator.advanceClock(DAY_SECONDS - 0.001);
    await openAll();
    expect(await coordinator.failure()).toBeUndefined();
    expect(asked()).toEqual({ endorse: ['hamburg', 'munich'] });

    coordinator.advanceClock(0.001);
    await openAll({ resendAfterSeconds: 0 });

    expect(await coordinator.failure()).toBe(tooFewEndorsed(2, 'no answer from hamburg, munich.'));
    expect(asked()).toEqual({});
    expect(await exists(endorsedAt)).toBe(false);
  });

  test('is waited for longer by as long as the campaign is paused', async () => {
    await pauseFor('2026-03-02T10:00:00.000Z', '2026-03-02T11:00:00.000Z');
    coordinator.advanceClock(DAY_SECONDS + 3599);
    await openAll();
    expect(await coordinator.failure()).toBeUndefined();

    coordinator.advanceClock(1);
    await openAll();

    expect(await coordinator.failure()).toBe(tooFewEndorsed(0, 'no answer from berlin, hamburg, munich, ulm.'));
  });

  test('is endorsed after the deadline if enough answers are there', async () => {
    await coordinator.answer('endorse', SENT);
    coordinator.advanceClock(2 * DAY_SECONDS);

    await openAll();

    expect((await endorsed()).at).toBe('2026-03-04T08:00:00.000Z');
    expect(await coordinator.failure()).toBeUndefined();
  });

  const NOT_THIS = 'It has not endorsed this list.';
  test.each<[string, () => Promise<unknown>, string]>([
    [
      'of another list, such as that of another round',
      () => changedAnswer('endorse', 'ulm', (content) => Object.assign(content, { list: OTHER })),
      NOT_THIS,
    ],
    [
      'that it has not signed',
      async () => {
        const { schema, endorsement } = await stored(answerAt('endorse', 'berlin'));
        return { schema, endorsement: { ...endorsement, content: { ...endorsement.content, site: 'ulm' } } };
      },
      NOT_THIS,
    ],
    ['of another site', () => stored(answerAt('endorse', 'berlin')), 'ulm has sent an answer of berlin.'],
    ['that is none', async () => ({ schema: 'fedcardio.endorsement/1' }), answerAt('endorse', 'ulm')],
  ])('is not endorsed by an answer %s', async (_, sent, reason) => {
    await coordinator.answer('endorse', ['berlin', 'hamburg']);
    await coordinator.put(answerAt('endorse', 'ulm'), await sent());
    await openAll();
    expect(await exists(endorsedAt)).toBe(false);
    expect(asked()).toEqual({ endorse: ['munich'] });
    await coordinator.put(answerAt('endorse', 'munich'), 'something else');

    // Nobody is left to ask: the deadline need not come.
    await openAll();

    const failure = await coordinator.failure();
    const start = tooFewEndorsed(2, '');
    expect(failure?.slice(0, start.length)).toBe(start);
    expect(failure).toContain(`; ulm: ${reason.replace(/\.$/, '')}`);
    expect(failure).toContain(' munich: ');
  });

  test('is endorsed though one site has answered wrongly', async () => {
    await coordinator.answer('endorse', ['berlin', 'munich', 'ulm']);
    await coordinator.put(answerAt('endorse', 'hamburg'), await stored(answerAt('endorse', 'berlin')));

    await openAll();

    expect((await endorsed()).endorsements.map(({ content }) => content.site)).toEqual(['berlin', 'munich', 'ulm']);
  });

  test('is that of the coordinator who wrote first', async () => {
    await coordinator.answer('endorse', SENT);
    const context = beside(coordinator.context, endorsedAt, async () => {
      coordinator.advanceClock(1);
      await coordinator.answer('endorse', ['ulm']);
      await openAll();
      expect(asked()).toEqual({ reveal: SITES });
    });

    await openAll({ context });

    expect((await endorsed()).at).toBe('2026-03-02T08:00:01.000Z');
    expect((await endorsed()).endorsements).toHaveLength(4);
    expect(logsOf('survivors-endorsed')).toHaveLength(1);
    expect(asked()).toEqual({});
  });
});

describe('what opens the masks of a round', () => {
  const missing = (lack: string) => lost('What opens its masks is missing', lack);

  test.each<[string, () => Promise<unknown>]>([
    ['replaced', () => coordinator.put(keyOfUpdate.munich!, { schema: 'fedcardio.update/1' })],
    ['removed', () => coordinator.context.federationStore.delete(keyOfUpdate.munich!)],
    [
      'replaced by that of another site',
      async () => coordinator.put(keyOfUpdate.munich!, await stored(keyOfUpdate.berlin!)),
    ],
  ])('is lost if a sealed update is %s', async (_, replace) => {
    await replace();
    await coordinator.answer('endorse');

    await openAll();

    expect(await coordinator.failure()).toBe(missing('munich: It has replaced its update.'));
    expect(await exists(endorsedAt)).toBe(false);
    expect(asked()).toEqual({});
  });

  test('is not lost if another update of the site is there, too', async () => {
    await coordinator.put(federationKeys.update(AT, 'munich', OTHER), { schema: 'fedcardio.update/1' });
    await coordinator.answer('endorse');

    await openAll();

    expect((await endorsed()).updates).toEqual(updates);
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ['removed', () => coordinator.context.federationStore.delete(sharesAt('ulm')), 'no answer from ulm.'],
    [
      'replaced by those of another site',
      async () => coordinator.put(sharesAt('ulm'), await stored(sharesAt('berlin'))),
      'ulm: ulm has sent an answer of berlin.',
    ],
    [
      'replaced by those of another cohort',
      async () => {
        const { schema, shares } = await stored(sharesAt('ulm'));
        const content = { ...shares.content, cohort: OTHER };
        const { signingKey } = await secretsOf('ulm');
        await coordinator.put(sharesAt('ulm'), { schema, shares: signed('key shares', content, signingKey) });
      },
      'ulm: Secure aggregation: the key shares of ulm are for others.',
    ],
  ])('is lost if the shares of a site without an update are %s', async (_, replace, lack) => {
    await replace();
    await coordinator.answer('endorse');

    await openAll();

    expect(await coordinator.failure()).toBe(missing(lack));
    expect(await exists(endorsedAt)).toBe(false);
  });

  test('is all named', async () => {
    await coordinator.put(keyOfUpdate.berlin!, 'something else');
    await coordinator.put(keyOfUpdate.munich!, 'something else');
    await coordinator.context.federationStore.delete(sharesAt('ulm'));
    await coordinator.answer('endorse');

    await openAll();

    expect(await coordinator.failure()).toBe(
      missing('berlin: It has replaced its update; munich: It has replaced its update; no answer from ulm.'),
    );
  });

  test('does not need the shares of sites with an update', async () => {
    for (const site of SENT) await coordinator.context.federationStore.delete(sharesAt(site));
    await toEndorsed();
    await coordinator.answer('reveal');

    await openAll();

    expect(await exists(openedAt)).toBe(true);
  });

  const OBJECTS: readonly (readonly [string, () => FederationKey])[] = [
    ['a sealed update', () => keyOfUpdate.munich!],
    ['shares of a site without an update', () => sharesAt('ulm')],
  ];
  describe.each(OBJECTS)('cannot be read: %s', (_, keyOf) => {
    beforeEach(async () => {
      await coordinator.answer('endorse');
    });

    test.each(DENIED)('and decides nothing while a right may help: %s', async (refusal) => {
      coordinator.advanceClock(2 * DAY_SECONDS);

      await expect(openAll({ context: refusing(coordinator.context, refusal, keyOf()) })).rejects.toMatchObject({
        code: 'STORAGE',
      });

      expect(await coordinator.failure()).toBeUndefined();
      await openAll();
      expect(await exists(endorsedAt)).toBe(true);
    });

    test.each(PERMANENT)('and is lost for good: %s', async (refusal) => {
      await openAll({ context: refusing(coordinator.context, refusal, keyOf()) });

      expect(await coordinator.failure()).toMatch(/^Round 1 of teacher is lost: .* stay masked\. (munich|ulm): /);
      expect(await exists(endorsedAt)).toBe(false);
    });
  });

  test('decides nothing while the shares are of a newer release', async () => {
    await coordinator.put(sharesAt('ulm'), { schema: 'fedcardio.site-shares/9' });
    await coordinator.answer('endorse');

    await expect(openAll()).rejects.toMatchObject({ code: 'NEWER_SCHEMA' });

    expect(await coordinator.failure()).toBeUndefined();
  });
});

describe('the shares of an endorsed list', () => {
  test('are opened by as many sites as are needed, and no fewer', async () => {
    await toEndorsed(SENT);
    await coordinator.answer('reveal', ['berlin', 'ulm']);
    await openAll({ resendAfterSeconds: 0 });
    expect(await exists(openedAt)).toBe(false);
    expect(asked()).toEqual({ reveal: ['hamburg', 'munich'] });

    await coordinator.answer('reveal', ['munich']);
    await openAll();

    expect((await opened()).sites).toEqual(['berlin', 'munich', 'ulm']);
  });

  test('are waited for as long as the endorsements were, from then on. The round is lost then', async () => {
    coordinator.advanceClock(3600);
    await toEndorsed();
    await coordinator.answer('reveal', ['berlin', 'ulm']);
    coordinator.advanceClock(DAY_SECONDS - 0.001);
    await openAll();
    expect(await coordinator.failure()).toBeUndefined();
    expect(asked()).toEqual({ reveal: ['hamburg', 'munich'] });

    coordinator.advanceClock(0.001);
    await openAll();

    expect(await coordinator.failure()).toBe(tooFewOpened(2, 'no answer from hamburg, munich.'));
    expect(await exists(openedAt)).toBe(false);
  });

  test('are opened though what the list was endorsed with is replaced since', async () => {
    await toEndorsed();
    for (const site of SITES) await coordinator.put(answerAt('endorse', site), 'something else');
    for (const site of SENT) await coordinator.put(keyOfUpdate[site]!, 'something else');
    await coordinator.put(sharesAt('ulm'), 'something else');
    await coordinator.answer('reveal');

    await openAll();

    expect((await opened()).sites).toEqual(SITES);
  });

  test('are waited for while the campaign is paused', async () => {
    await toEndorsed();
    await pauseFor('2026-03-02T10:00:00.000Z', null);
    coordinator.advanceClock(3 * DAY_SECONDS);

    await openAll();

    expect(await coordinator.failure()).toBeUndefined();
    expect(asked()).toEqual({ reveal: SITES });
  });

  test('count after the deadline if they are enough', async () => {
    await toEndorsed();
    await coordinator.answer('reveal', SENT);
    coordinator.advanceClock(2 * DAY_SECONDS);

    await openAll();

    expect((await opened()).sites).toEqual(SENT);
    expect(await coordinator.failure()).toBeUndefined();
  });

  test('are those that the coordinator who wrote first has used', async () => {
    await toEndorsed();
    await coordinator.answer('reveal', SENT);
    const context = beside(coordinator.context, openedAt, async () => {
      coordinator.advanceClock(1);
      await coordinator.answer('reveal', ['ulm']);
      await openAll();
    });

    await openAll({ context });

    expect(logsOf('masks-opened')).toHaveLength(1);
    expect((await opened()).sites).toEqual(SITES);
  });

  const wrong = toBase64(new Uint8Array(32).fill(7));
  const WRONG_SHARES = 'its share of a secret of';
  test.each<[string, () => Promise<unknown>, string]>([
    [
      'for another list',
      () => changedAnswer('reveal', 'ulm', (content) => Object.assign(content, { list: OTHER })),
      'Secure aggregation: ulm has opened shares for another list',
    ],
    [
      'that it has not signed',
      async () => {
        const { schema, reveal } = await stored(answerAt('reveal', 'berlin'));
        return { schema, reveal: { ...reveal, content: { ...reveal.content, site: 'ulm' } } };
      },
      'Secure aggregation: the signature of ulm',
    ],
    ['of another site', () => stored(answerAt('reveal', 'berlin')), 'ulm has sent an answer of berlin'],
    ['that are none', async () => ({ schema: 'fedcardio.reveal/1' }), answerAt('reveal', 'ulm')],
  ])('are not opened by an answer %s', async (_, sent, reason) => {
    await toEndorsed();
    await coordinator.answer('reveal', ['berlin', 'hamburg']);
    await coordinator.put(answerAt('reveal', 'ulm'), await sent());
    await openAll({ resendAfterSeconds: 0 });
    expect(await exists(openedAt)).toBe(false);
    expect(asked()).toEqual({ reveal: ['munich'] });
    coordinator.advanceClock(DAY_SECONDS);

    await openAll();

    const failure = await coordinator.failure();
    const start = tooFewOpened(2, `ulm: ${reason}`);
    expect(failure?.slice(0, start.length)).toBe(start);
    expect(failure).toMatch(/; no answer from munich\.$/);
  });

  test('may be wrong if those of the others are enough. The log names who sent them', async () => {
    await toEndorsed();
    const spoil = ({ self, keys }: { self: Record<string, string>; keys: Record<string, string> }) => {
      Object.assign(self, { berlin: wrong });
      Object.assign(keys, { ulm: wrong });
    };
    await coordinator.put(answerAt('reveal', 'hamburg'), await changedAnswer('reveal', 'hamburg', spoil));
    await coordinator.answer('reveal', ['berlin', 'munich', 'ulm']);

    await openAll();

    const found = await opened();
    const { cohort: terms, directory } = openCohort(cohort);
    const { list } = (await readJson(coordinator.context.federationStore, survivorsAt, survivorsSchema)).value;
    expect(masksOf({ cohort: terms, round: 1 }, directory, list, found)).toHaveLength(6);
    expect(logsOf('masks-opened')).toMatchObject([
      {
        faults: ['berlin', 'ulm'].map((site) => ({ site: 'hamburg', reason: `${WRONG_SHARES} ${site} is wrong` })),
      },
    ]);
  });

  test('are waited for from another site if one has opened a wrong one, and named if it never does', async () => {
    await toEndorsed();
    const spoil = ({ self }: { self: Record<string, string> }) => Object.assign(self, { berlin: wrong });
    await coordinator.put(answerAt('reveal', 'hamburg'), await changedAnswer('reveal', 'hamburg', spoil));
    await coordinator.answer('reveal', ['berlin', 'munich']);
    await openAll({ resendAfterSeconds: 0 });
    expect(await exists(openedAt)).toBe(false);
    expect(asked()).toEqual({ reveal: ['ulm'] });
    coordinator.advanceClock(DAY_SECONDS);

    await openAll();

    expect(await coordinator.failure()).toBe(
      tooFewOpened(
        3,
        `hamburg: ${WRONG_SHARES} berlin is wrong; berlin: Too few of its shares fit what it has committed to; no answer from ulm.`,
      ),
    );
  });

  test('do not fit if a site has sealed those of its update wrongly: it alone is named', async () => {
    await sealWrongly('munich');
    await toEndorsed();
    await coordinator.answer('reveal');

    await openAll();

    expect(await coordinator.failure()).toBe(
      tooFewOpened(4, 'munich: Too few of its shares fit what it has committed to.'),
    );
  });

  test('name a site once that has sealed its own wrongly and opened a wrong one', async () => {
    await sealWrongly('hamburg');
    await toEndorsed();
    const spoil = ({ self }: { self: Record<string, string> }) => Object.assign(self, { berlin: wrong });
    await coordinator.put(answerAt('reveal', 'hamburg'), await changedAnswer('reveal', 'hamburg', spoil));
    await coordinator.answer('reveal', ['berlin', 'munich', 'ulm']);

    await openAll();

    expect(await coordinator.failure()).toBe(tooFewOpened(4, `hamburg: ${WRONG_SHARES} berlin is wrong.`));
  });

  test('do not fit if a site without an update has sealed those of its keys wrongly', async () => {
    const { cohort: terms, directory } = openCohort(cohort);
    const own = await secretsOf('ulm');
    // With another secret, nobody can open what it has sealed.
    const shares = shareKeys({ ...own, secret: new Uint8Array(32) }, terms, directory);
    await coordinator.put(sharesAt('ulm'), { schema: 'fedcardio.site-shares/1', shares });
    await toEndorsed();
    await coordinator.answer('reveal');

    await openAll();

    expect(await coordinator.failure()).toBe(
      tooFewOpened(4, 'ulm: Too few of its shares fit what it has committed to.'),
    );
  });

  test('say nothing of a site while too few have opened theirs', async () => {
    await toEndorsed();
    await coordinator.answer('reveal', ['berlin', 'hamburg']);
    for (const site of ['munich', 'ulm']) await coordinator.put(answerAt('reveal', site), 'something else');

    await openAll();

    expect(await coordinator.failure()).toMatch(/2 of 4 sites have opened their shares, 3 needed.* munich: .*; ulm: /);
    expect(await coordinator.failure()).not.toContain('committed');
  });
});

describe('an answer that cannot be read before an upgrade or without a right', () => {
  const SCHEMAS = { endorse: 'endorsement', reveal: 'reveal' } as const;
  const STEPS = ['endorse', 'reveal'] as const;
  const begin = async (step: (typeof STEPS)[number]) => {
    if (step === 'reveal') await toEndorsed();
  };
  const decided = (step: (typeof STEPS)[number]) => exists(step === 'endorse' ? endorsedAt : openedAt);

  test.each(STEPS)('ends no campaign if it is of a newer release: %s', async (step) => {
    await begin(step);
    await coordinator.answer(step, ['berlin', 'hamburg']);
    for (const site of ['munich', 'ulm']) {
      await coordinator.put(answerAt(step, site), { schema: `fedcardio.${SCHEMAS[step]}/9` });
    }

    await expect(openAll()).rejects.toMatchObject({
      code: 'NEWER_SCHEMA',
      message: expect.stringContaining(answerAt(step, 'munich')),
    });

    expect(await coordinator.failure()).toBeUndefined();
    expect(await decided(step)).toBe(false);
  });

  test.each(STEPS.flatMap((step) => DENIED.map((refusal) => [step, refusal] as const)))(
    'ends no campaign after the deadline, and counts when it can be read: %s, %s',
    async (step, refusal) => {
      await begin(step);
      await coordinator.answer(step);
      const context = refusing(coordinator.context, refusal, answerAt(step, 'munich'), answerAt(step, 'ulm'));
      await openAll({ context });
      asked();
      await openAll({ context, resendAfterSeconds: 0 });
      expect(asked()).toEqual({ [step]: ['munich', 'ulm'] });
      coordinator.advanceClock(DAY_SECONDS);

      await expect(openAll({ context })).rejects.toMatchObject({ code: 'STORAGE' });

      expect(await coordinator.failure()).toBeUndefined();
      await openAll();
      expect(await decided(step)).toBe(true);
    },
  );

  test.each(STEPS)('is not waited for if the others are enough: %s', async (step) => {
    await begin(step);
    await coordinator.answer(step, SENT);
    await coordinator.put(answerAt(step, 'ulm'), { schema: `fedcardio.${SCHEMAS[step]}/9` });

    await openAll();

    expect(await decided(step)).toBe(true);
  });

  test.each(STEPS)('ends a campaign if it stays so: %s', async (step) => {
    await begin(step);
    await coordinator.answer(step);

    await openAll({
      context: refusing(coordinator.context, 'GLACIER', answerAt(step, 'munich'), answerAt(step, 'ulm')),
    });

    expect(await coordinator.failure()).toMatch(/ 3 needed\. Its updates stay masked\. munich: .*; ulm: /);
  });
});
