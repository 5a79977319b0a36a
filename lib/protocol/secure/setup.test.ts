import { beforeEach, describe, expect, test } from 'vitest';
import { type FederationKey, federationKeys } from '../../federation/keys.ts';
import { cohortSchema, type Open, setupSchema, siteKeysSchema, siteSharesSchema } from '../../federation/schemas.ts';
import { consentDocument } from '../../federation/testing.ts';
import { publishKeys } from '../../privacy/key-messages.ts';
import { signed, toBase64 } from '../../privacy/site-keys.ts';
import type { SiteKeys } from '../../privacy/site-secrets.ts';
import { readJson } from '../../storage/documents.ts';
import { DENIED, PERMANENT } from '../../storage/testing-unreadable.ts';
import { MAX_STEP_BYTES } from './answers.ts';
import { MOST_CASES } from './cohort.ts';
import { requireSender, setUpStage } from './setup.ts';
import { ownIdentity, siteSecrets } from './site-keys.ts';
import {
  beside,
  type Coordinator,
  createCoordinator,
  DAY_SECONDS,
  refusing,
  SETUP,
  SITES,
  STAGE,
  securePlan,
  WAIT,
} from './testing.ts';

const SECOND = { ...STAGE, attempt: 2 };
const REST = SITES.slice(0, 3);
const setupAt = federationKeys.setup(SETUP);
const cohortAt = federationKeys.cohort(SETUP);
const answerAt = (step: 'keys' | 'shares', site: string, attempt = 1) =>
  federationKeys.stepAnswer({ ...STAGE, attempt }, site, step);

let coordinator: Coordinator;

/** Stores how many cases each site counts, in the order of the sites. */
async function countCases(counts: readonly number[], sites = SITES): Promise<void> {
  for (const [i, site] of sites.entries()) {
    const summary = {
      schema: 'fedcardio.summary/1',
      ...{ site, at: WAIT.at, cases: { training: 9, evaluation: 0, rejected: 0 } },
      ...{ labelled: { 'hinge-points': counts[i] }, labelledEvaluation: {} },
    };
    await coordinator.put(federationKeys.summary(site), summary);
  }
}

beforeEach(async () => {
  coordinator = await createCoordinator();
  await countCases([4, 5, 6, 7]);
});

/** Another coordinator, whose plan has these fields. */
async function planned(...fields: Parameters<typeof securePlan>): Promise<void> {
  coordinator = await createCoordinator(securePlan(...fields), fields[0]?.sites ?? SITES);
}

interface SetUpOptions {
  readonly context?: Coordinator['context'];
  readonly previous?: Open;
  readonly resendAfterSeconds?: number;
}
const setUp = ({ context = coordinator.context, previous, resendAfterSeconds = 900 }: SetUpOptions = {}) =>
  setUpStage(context, {
    ...{ plan: coordinator.plan, stage: coordinator.stage, previous, resendAfterSeconds },
    terms: coordinator.plan.value.campaign.privacy!.secureAggregation!,
  });

const setupOf = async (attempt = 1) =>
  (await readJson(coordinator.context.federationStore, federationKeys.setup({ ...STAGE, attempt }), setupSchema)).value;
const cohortOf = async (attempt = 1) =>
  (await readJson(coordinator.context.federationStore, federationKeys.cohort({ ...STAGE, attempt }), cohortSchema))
    .value;
const sitesOf = async (attempt = 1) => (await cohortOf(attempt)).cohort.sites;
const exists = async (key: FederationKey) => (await coordinator.context.federationStore.head(key)) !== undefined;

/** The sites that were asked since the last call, by step and attempt. */
const asked = () => {
  const bySteps: Record<string, string[]> = {};
  for (const { site, step, attempt } of coordinator.takeAsked()) {
    const name = `${step} ${attempt}`;
    bySteps[name] = [...(bySteps[name] ?? []), site].sort();
  }
  return bySteps;
};
const logsOf = (event: string) => coordinator.logged.filter(([name]) => name === event).map(([, fields]) => fields);

/** Brings the stage to the point where these sites have sent their keys, and the cohort is made. */
async function toCohort(): Promise<void> {
  await setUp();
  await coordinator.answer('keys');
  await setUp();
  asked();
}

const decline = (site: string, fields: Parameters<typeof consentDocument>[0] = { state: 'declined' }) =>
  coordinator.put(
    federationKeys.consent(site, STAGE.campaign),
    consentDocument({ site, campaign: STAGE.campaign, plan: coordinator.plan.sha256, ...fields }),
  );

/** A site's signed keys for an attempt of the stage, with the given fields replaced. */
async function keysOf(site: string, change: Partial<SiteKeys> = {}, attempt = 1) {
  const own = await siteSecrets(coordinator.context.siteStore(site), site, STAGE.campaign);
  const { content } = publishKeys(own, { ...STAGE, attempt, plan: coordinator.plan.sha256, rounds: 2 });
  const keys = signed('keys', { ...content, ...change }, own.signingKey);
  return { schema: 'fedcardio.site-keys/1', identity: ownIdentity(own), keys };
}

describe('a stage', () => {
  test('is set up when all sites have sent keys, then shares', async () => {
    expect(await setUp()).toBeUndefined();
    expect(await setupOf()).toEqual({
      ...{ schema: 'fedcardio.setup/1', ...SETUP, ...WAIT },
      sites: SITES.map((site, i) => ({ site, samples: 4 + i })),
    });
    expect(asked()).toEqual({ 'keys 1': SITES });

    await coordinator.answer('keys');
    coordinator.advanceClock(60);
    expect(await setUp()).toBeUndefined();
    expect(asked()).toEqual({ 'shares 1': SITES });
    const cohort = await cohortOf();
    expect(cohort).toMatchObject({
      ...{ at: '2026-03-02T08:01:00.000Z', deadline: '2026-03-03T08:01:00.000Z' },
      cohort: { ...SETUP, plan: coordinator.plan.sha256, rounds: 2, sites: SITES, threshold: 3 },
      terms: { range: 1, totalWeight: 22, sites: 4, headroom: 0 },
      members: SITES.map((site, i) => ({ site, samples: 4 + i })),
    });
    for (const { site, identity, keys } of cohort.members) {
      const sent = await readJson(coordinator.context.federationStore, answerAt('keys', site), siteKeysSchema);
      expect({ identity, keys }).toEqual({ identity: sent.value.identity, keys: sent.value.keys });
    }
    expect(logsOf('cohort-created')).toEqual([{ ...SETUP, sites: SITES, without: [] }]);

    await coordinator.answer('shares');
    const stored = await readJson(coordinator.context.federationStore, cohortAt, cohortSchema);
    expect(await setUp()).toMatchObject({ value: stored.value, sha256: stored.sha256 });
    expect(await coordinator.failure()).toBeUndefined();
  });

  test('is set up once, however often and by however many it is looked at', async () => {
    for (const step of ['keys', 'shares'] as const) {
      await setUp();
      const before = await coordinator.stored();
      expect(asked()).toEqual({ [`${step} 1`]: SITES });
      coordinator.advanceClock(899);

      await Promise.all([setUp(), setUp(), setUp()]);

      expect(await coordinator.stored()).toEqual(before);
      expect(asked()).toEqual({});
      await coordinator.answer(step);
    }
    const before = await coordinator.stored();
    const all = await Promise.all([setUp(), setUp()]);

    expect(all[0]).toBeDefined();
    expect(all[1]?.sha256).toBe(all[0]?.sha256);
    expect(await coordinator.stored()).toEqual(before);
    expect(logsOf('cohort-created')).toHaveLength(1);
  });

  test('asks again after a while, and only those that have not answered', async () => {
    await setUp();
    await coordinator.answer('keys', ['hamburg', 'ulm']);
    asked();
    coordinator.advanceClock(900);
    await setUp();
    expect(asked()).toEqual({ 'keys 1': ['berlin', 'munich'] });

    await coordinator.answer('keys');
    await setUp({ resendAfterSeconds: 0 });
    await coordinator.answer('shares', ['berlin']);
    asked();
    await setUp({ resendAfterSeconds: 0 });

    expect(asked()).toEqual({ 'shares 1': ['hamburg', 'munich', 'ulm'] });
  });

  const previous = (attempt?: number) =>
    ({ ...(attempt !== undefined && { secure: { attempt, cohort: '0'.repeat(64), threshold: 3 } }) }) as Open;

  test('keeps the cohort of the round before, whatever was begun since', async () => {
    await toCohort();
    await coordinator.answer('shares');
    await coordinator.put(federationKeys.setup(SECOND), { ...(await setupOf()), attempt: 2 });
    const before = await coordinator.stored();

    const found = await setUp({ previous: previous(1) });

    expect(found?.value).toEqual(await cohortOf());
    expect(await coordinator.stored()).toEqual(before);
    expect(asked()).toEqual({});
  });

  test('does not begin again if the cohort of the round before is lost', async () => {
    await expect(setUp({ previous: previous(2) })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(federationKeys.cohort(SECOND)),
    });

    expect(await coordinator.stored()).not.toHaveProperty([setupAt]);
  });

  test('is set up after a round without secure aggregation', async () => {
    await setUp({ previous: previous() });

    expect(asked()).toEqual({ 'keys 1': SITES });
  });

  test.each<[string, FederationKey]>([
    ['list of sites', setupAt],
    ['cohort', cohortAt],
  ])('is not set up with a %s that cannot be parsed', async (_, key) => {
    await toCohort();
    await coordinator.put(key, { schema: 'fedcardio.other/1' });
    const before = await coordinator.stored();

    await expect(setUp()).rejects.toMatchObject({ code: 'BAD_MESSAGE', message: expect.stringContaining(key) });

    expect(await coordinator.stored()).toEqual(before);
  });

  test('asks nobody if no queue can be reached, and says so', async () => {
    const queues = { send: () => Promise.reject(new Error('no queue')) };

    await expect(setUp({ context: { ...coordinator.context, queues } })).rejects.toThrow('no queue');

    await setUp();
    expect(asked()).toEqual({ 'keys 1': SITES });
  });
});

describe('the sites of a stage', () => {
  const sites = async () => (await setupOf()).sites.map(({ site }) => site);

  test('are those that the stage is for, and that have its labels', async () => {
    await planned({ sites: REST });
    const all = coordinator.context.federation.sites;
    const federation = { ...coordinator.context.federation, sites: [{ id: 'ulm', name: 'Ulm' }, ...all] };
    await countCases([1, 1, 1, 1]);

    await setUp({ context: { ...coordinator.context, federation } });

    expect(await sites()).toEqual(REST);
    expect(asked()).toEqual({ 'keys 1': REST });
  });

  test('are not those without a label or a summary', async () => {
    await countCases([1, 1, 1, 0]);

    await setUp();

    expect(await sites()).toEqual(REST);
  });

  test.each<[string, Parameters<typeof consentDocument>[0]]>([
    ['has declined', { state: 'declined' }],
    ['has withdrawn its consent', { state: 'withdrawn' }],
    ['had agreed until now', { until: WAIT.at }],
    ['has not answered, while the others are enough', { state: 'asked' }],
  ])('are not one that %s', async (_, consent) => {
    await decline('ulm', consent);

    await setUp();

    expect(await sites()).toEqual(REST);
  });

  test('are also those that have not answered if the others are one too few', async () => {
    await decline('ulm', { state: 'asked' });
    await decline('munich', { state: 'asked' });

    await setUp();

    expect(await sites()).toEqual(SITES);
  });

  test.each<[string, Parameters<typeof securePlan>, number, string | undefined]>([
    ['three, as many as are needed', [], 3, undefined],
    ['two, one too few', [], 2, 'secure aggregation needs 3'],
    ['none', [], 0, 'secure aggregation needs 3'],
    ['four, as many as a quorum needs', [{ quorum: { minSites: 4 } }], 4, undefined],
    ['three, one too few for a quorum', [{ quorum: { minSites: 4 } }], 3, 'secure aggregation needs 4'],
    ['four, as many as the threshold', [{}, { threshold: 4 }], 4, undefined],
    ['three, one less than the threshold', [{}, { threshold: 4 }], 3, 'secure aggregation needs 4'],
    ['three, of which a threshold of two is more than half', [{}, { threshold: 2 }], 3, undefined],
    ['two, with a threshold of two', [{}, { threshold: 2 }], 2, 'secure aggregation needs 3'],
    [
      'four, with a threshold of half of them',
      [{}, { threshold: 2 }],
      4,
      'a threshold of 2 is not more than half of them',
    ],
  ])('can be %s', async (_, fields, count, impossible) => {
    await planned(...fields);
    await countCases(SITES.map((_, i) => (i < count ? 1 : 0)));

    expect(await setUp()).toBeUndefined();

    if (impossible === undefined) expect(await sites()).toEqual(SITES.slice(0, count));
    else {
      expect(await coordinator.failure()).toBe(
        `Stage teacher cannot begin: ${count} sites have training cases with hinge-points labels, and ${impossible}.`,
      );
      expect(await exists(setupAt)).toBe(false);
      expect(asked()).toEqual({});
    }
  });

  test('are named if they have declined and the others are too few', async () => {
    await decline('ulm');
    await decline('hamburg', { state: 'withdrawn' });

    await setUp();

    expect(await coordinator.failure()).toBe(
      'Stage teacher cannot begin: 2 sites have training cases with hinge-points labels, and secure aggregation needs 3. ' +
        'hamburg, ulm do not agree to the campaign.',
    );
  });

  test('are at most as many as a secret has shares', async () => {
    const many = Array.from({ length: 256 }, (_, i) => `site-${String(i).padStart(3, '0')}`);
    await planned({ sites: many });
    await countCases(
      many.map((_, i) => (i < 255 ? 1 : 0)),
      many,
    );
    await setUp();
    expect(await sites()).toHaveLength(255);
    coordinator = await createCoordinator(coordinator.plan, many);
    await countCases(
      many.map(() => 1),
      many,
    );

    await setUp();

    expect(await coordinator.failure()).toBe(
      'Stage teacher cannot begin: 256 sites have training cases with hinge-points labels, and secure aggregation takes at most 255.',
    );
    expect(await exists(setupAt)).toBe(false);
  });

  test('may be five whose two thirds are four', async () => {
    const five = [...SITES, 'wien'];
    await planned({ sites: five });
    await countCases([1, 1, 1, 1, 1], five);
    await setUp();

    await coordinator.answer('keys', five);
    await setUp();

    expect((await cohortOf()).cohort).toMatchObject({ sites: five, threshold: 4 });
  });

  describe('of which a summary cannot be read before an upgrade or without a right', () => {
    const newer = (site: string) => coordinator.put(federationKeys.summary(site), { schema: 'fedcardio.summary/9' });

    test('are the others, if they are enough', async () => {
      await newer('ulm');

      await setUp();

      expect(await sites()).toEqual(REST);
    });

    test('end no campaign: of a newer release', async () => {
      await newer('munich');
      await newer('ulm');

      await expect(setUp()).rejects.toMatchObject({ code: 'NEWER_SCHEMA' });

      expect(await coordinator.failure()).toBeUndefined();
      expect(await exists(setupAt)).toBe(false);
    });

    test.each(DENIED)('end no campaign: %s', async (refusal) => {
      const context = refusing(
        coordinator.context,
        refusal,
        ...['munich', 'ulm'].map((site) => federationKeys.summary(site)),
      );

      await expect(setUp({ context })).rejects.toMatchObject({ code: 'STORAGE' });

      expect(await coordinator.failure()).toBeUndefined();
    });

    test.each(PERMANENT)('end a campaign that lacks them for good: %s', async (refusal) => {
      await setUp({
        context: refusing(
          coordinator.context,
          refusal,
          ...['munich', 'ulm'].map((site) => federationKeys.summary(site)),
        ),
      });

      expect(await coordinator.failure()).toContain('2 sites have training cases with hinge-points labels');
    });
  });

  test('are those that another coordinator has written first', async () => {
    const context = beside(coordinator.context, setupAt, async () => {
      await decline('ulm');
      await setUp();
      expect(asked()).toEqual({ 'keys 1': REST });
    });
    coordinator.advanceClock(1);

    await setUp({ context, resendAfterSeconds: 0 });

    expect(await sites()).toEqual(REST);
    expect(asked()).toEqual({ 'keys 1': REST });
  });
});

describe('a site that sends no keys', () => {
  const late = async () => {
    await setUp();
    await coordinator.answer('keys', REST);
    asked();
  };

  test('is waited for until the deadline, and left out from then on', async () => {
    await late();
    coordinator.advanceClock(DAY_SECONDS - 0.001);
    await setUp();
    expect(await exists(cohortAt)).toBe(false);
    expect(asked()).toEqual({ 'keys 1': ['ulm'] });

    coordinator.advanceClock(0.001);
    await setUp();

    expect(await sitesOf()).toEqual(REST);
    expect((await cohortOf()).terms).toEqual({ range: 1, totalWeight: 15, sites: 3, headroom: 0 });
    expect(logsOf('cohort-created')).toEqual([{ ...SETUP, sites: REST, without: ['no answer from ulm'] }]);
    expect(asked()).toEqual({ 'shares 1': REST });
    // Keys that come later change nothing.
    await coordinator.answer('keys', ['ulm']);
    await coordinator.answer('shares', REST);
    expect((await setUp())?.value.cohort.sites).toEqual(REST);
  });

  test('is waited for longer by as long as the campaign is paused', async () => {
    await late();
    const pauses = [{ from: '2026-03-02T10:00:00.000Z', until: '2026-03-02T11:00:00.000Z' }];
    const control = { schema: 'fedcardio.control/1', campaign: STAGE.campaign, pauses };
    await coordinator.put(federationKeys.control(STAGE.campaign), control);
    coordinator.advanceClock(DAY_SECONDS + 3599);
    await setUp();
    expect(await exists(cohortAt)).toBe(false);

    coordinator.advanceClock(1);
    await setUp();

    expect(await sitesOf()).toEqual(REST);
  });

  test('is not waited for once it has declined', async () => {
    await late();
    await decline('ulm');

    await setUp();

    expect(await sitesOf()).toEqual(REST);
    expect(asked()).toEqual({ 'shares 1': REST });
  });

  test('is named if the others are too few', async () => {
    await setUp();
    await coordinator.answer('keys', ['berlin', 'hamburg']);
    coordinator.advanceClock(DAY_SECONDS);

    expect(await setUp()).toBeUndefined();

    expect(await coordinator.failure()).toBe(
      'Stage teacher cannot begin: 2 sites have sent keys, and secure aggregation needs 3. no answer from munich, ulm.',
    );
    expect(await exists(cohortAt)).toBe(false);
  });
});

describe('sites that have declined after they were asked', () => {
  beforeEach(async () => {
    await setUp();
  });

  test('are told from those that send no keys', async () => {
    await coordinator.answer('keys', ['berlin']);
    await decline('munich');
    await decline('ulm');
    coordinator.advanceClock(DAY_SECONDS);

    await setUp();

    expect(await coordinator.failure()).toBe(
      'Stage teacher cannot begin: 1 sites have sent keys, and secure aggregation needs 3. ' +
        'no answer from hamburg; munich, ulm do not agree to the campaign.',
    );
  });

  test.each<[string, number, string]>([
    ['before the deadline', 0, ''],
    [
      'after it',
      DAY_SECONDS,
      'no answer from hamburg; The log of a site says why it sends none, such as a new key of another site; ',
    ],
  ])('are told from those that send no shares, %s', async (_, seconds, others) => {
    await coordinator.answer('keys');
    await setUp();
    await coordinator.answer('shares', ['berlin']);
    await decline('munich');
    await decline('ulm');
    coordinator.advanceClock(seconds);

    await setUp();

    const left = others === '' ? 2 : 1;
    expect(await coordinator.failure()).toBe(
      `Stage teacher cannot begin: ${left} sites have sent usable shares of their keys, or still may, ` +
        `and secure aggregation needs 3. ${others}munich, ulm do not agree to the campaign.`,
    );
  });
});

describe('a site that sends keys', () => {
  const OTHER = '0'.repeat(64);
  const STAGE_FAULT = 'Secure aggregation: the keys of ulm are for another campaign, stage, plan or attempt.';
  const zero = toBase64(new Uint8Array(32));

  test.each<[string, () => Promise<unknown>, string]>([
    ['of another attempt', () => keysOf('ulm', {}, 2), STAGE_FAULT],
    ['for another campaign', () => keysOf('ulm', { campaign: 'tavr' }), STAGE_FAULT],
    ['for another stage', () => keysOf('ulm', { stage: 'student' }), STAGE_FAULT],
    ['for another plan', () => keysOf('ulm', { plan: OTHER }), STAGE_FAULT],
    [
      'for fewer rounds',
      async () => keysOf('ulm', { maskKeys: (await keysOf('ulm')).keys.content.maskKeys.slice(0, 1) }),
      'Secure aggregation: ulm has keys for 1 rounds only.',
    ],
    ['of another site', () => keysOf('berlin'), 'ulm has sent an answer of berlin.'],
    ['that anybody could agree with', () => keysOf('ulm', { channelKey: zero }), 'Secure aggregation: '],
    [
      'that it has not signed',
      async () => ({ ...(await keysOf('ulm')), identity: (await keysOf('berlin')).identity }),
      'Secure aggregation: the signature of ulm',
    ],
    [
      'with an identity that anybody could sign for',
      async () => ({ ...(await keysOf('ulm')), identity: zero }),
      'Secure aggregation: the identity of a site is one that anybody could sign for.',
    ],
    ['that are no keys', async () => ({ schema: 'fedcardio.site-keys/1' }), answerAt('keys', 'ulm')],
    ['of a newer release', async () => ({ schema: 'fedcardio.site-keys/9' }), answerAt('keys', 'ulm')],
    ['of megabytes', async () => 'x'.repeat(MAX_STEP_BYTES), `its answer has ${MAX_STEP_BYTES + 2} bytes`],
  ])('%s is left out, and nobody waits for it', async (_, sent, reason) => {
    await setUp();
    await coordinator.answer('keys', REST);
    await coordinator.put(answerAt('keys', 'ulm'), await sent());

    await setUp();

    expect(await sitesOf()).toEqual(REST);
    expect(logsOf('cohort-created')).toMatchObject([{ without: [expect.stringContaining(reason)] }]);
    const [{ without }] = logsOf('cohort-created') as [{ without: readonly string[] }];
    expect(without[0]).toMatch(/^ulm: /);
  });

  test('with a key of another site is left out, and so is the other: nobody can tell who has copied', async () => {
    const five = [...SITES, 'wien'];
    await planned({ sites: five });
    await countCases([1, 1, 1, 1, 1], five);
    await setUp();
    await coordinator.answer('keys', five.slice(0, 4));
    const { channelKey } = (await keysOf('ulm')).keys.content;
    await coordinator.put(answerAt('keys', 'wien'), await keysOf('wien', { channelKey }));

    await setUp();

    expect(await sitesOf()).toEqual(REST);
    expect(logsOf('cohort-created')).toMatchObject([
      { without: ['ulm: It has sent a key of another site.', 'wien: It has sent a key of another site.'] },
    ]);
  });

  test('with a fault is named if the others are too few', async () => {
    await setUp();
    await coordinator.answer('keys', ['berlin']);
    const { channelKey } = (await keysOf('munich')).keys.content;
    await coordinator.put(answerAt('keys', 'hamburg'), await keysOf('hamburg', { channelKey }));
    await coordinator.answer('keys', ['munich']);
    await coordinator.put(answerAt('keys', 'ulm'), await keysOf('berlin'));

    await setUp();

    expect(await coordinator.failure()).toBe(
      'Stage teacher cannot begin: 1 sites have sent keys, and secure aggregation needs 3. ' +
        'ulm: ulm has sent an answer of berlin; hamburg: It has sent a key of another site; munich: It has sent a key of another site.',
    );
  });

  test('and claims more cases than a hospital has weighs as much as one that has the most', async () => {
    await countCases([4, MOST_CASES, MOST_CASES + 1, 1e9]);

    await toCohort();

    expect((await cohortOf()).members.map(({ samples }) => samples)).toEqual([4, MOST_CASES, MOST_CASES, MOST_CASES]);
    expect((await cohortOf()).terms.totalWeight).toBe(4 + 3 * MOST_CASES);
    await coordinator.answer('shares');
    expect(await setUp()).toBeDefined();
  });

  test('after another coordinator has begun without it is left out', async () => {
    await setUp();
    await coordinator.answer('keys');
    asked();
    const context = beside(coordinator.context, cohortAt, async () => {
      coordinator.advanceClock(DAY_SECONDS);
      const without = refusing(coordinator.context, 'a KMS key of others', answerAt('keys', 'ulm'));
      await setUp({ context: without });
      expect(asked()).toEqual({ 'shares 1': REST });
    });

    await setUp({ context, resendAfterSeconds: 0 });

    expect(await sitesOf()).toEqual(REST);
    expect(asked()).toEqual({ 'shares 1': REST });
    expect(logsOf('cohort-created')).toHaveLength(1);
  });
});

describe('a site that sends no shares', () => {
  const late = async () => {
    await toCohort();
    await coordinator.answer('shares', REST);
  };

  test('is waited for until the deadline. The others then begin again, with new keys', async () => {
    await late();
    coordinator.advanceClock(DAY_SECONDS - 0.001);
    await setUp();
    expect(await exists(federationKeys.setup(SECOND))).toBe(false);
    expect(asked()).toEqual({ 'shares 1': ['ulm'] });

    coordinator.advanceClock(0.001);
    expect(await setUp()).toBeUndefined();

    expect(await setupOf(2)).toEqual({
      ...{ schema: 'fedcardio.setup/1', ...SECOND, at: WAIT.deadline, deadline: '2026-03-04T08:00:00.000Z' },
      sites: REST.map((site, i) => ({ site, samples: 4 + i })),
    });
    expect(asked()).toEqual({ 'keys 2': REST });
    // Shares of the attempt before come too late.
    await coordinator.answer('shares', ['ulm']);
    await setUp();
    await coordinator.answer('keys', REST, 2);
    await setUp();
    expect(asked()).toEqual({ 'shares 2': REST });
    await coordinator.answer('shares', REST, 2);
    const again = await setUp();
    expect(again?.value.cohort).toMatchObject({ attempt: 2, sites: REST });
    const [before, after] = [await cohortOf(1), await cohortOf(2)].map(({ members }) => members[0]!.keys.content);
    expect(after!.channelKey).not.toBe(before!.channelKey);
  });

  test('is waited for longer by as long as the campaign is paused', async () => {
    await late();
    const control = { schema: 'fedcardio.control/1', campaign: STAGE.campaign };
    const pauses = [{ from: '2026-03-02T10:00:00.000Z', until: null }];
    await coordinator.put(federationKeys.control(STAGE.campaign), { ...control, pauses });
    coordinator.advanceClock(3 * DAY_SECONDS);

    await setUp();

    expect(await exists(federationKeys.setup(SECOND))).toBe(false);
  });

  test('is not waited for once it has declined', async () => {
    await toCohort();
    await coordinator.answer('shares', ['berlin']);
    await decline('ulm');

    await setUp();

    // The others may still send theirs.
    expect((await setupOf(2)).sites.map(({ site }) => site)).toEqual(REST);
    expect(asked()).toEqual({ 'keys 2': REST });
  });

  test('is in the cohort if it has sent them and declined since', async () => {
    await toCohort();
    await coordinator.answer('shares');
    await decline('ulm');

    expect((await setUp())?.value.cohort.sites).toEqual(SITES);
  });

  test('is named if the others are too few', async () => {
    await toCohort();
    await coordinator.answer('shares', ['berlin', 'hamburg']);
    coordinator.advanceClock(DAY_SECONDS);

    expect(await setUp()).toBeUndefined();

    expect(await coordinator.failure()).toBe(
      'Stage teacher cannot begin: 2 sites have sent usable shares of their keys, or still may, and secure aggregation needs 3. ' +
        'no answer from munich, ulm; The log of a site says why it sends none, such as a new key of another site.',
    );
    expect(await exists(federationKeys.setup(SECOND))).toBe(false);
  });

  test('is left out of a third attempt if it had been one of the second', async () => {
    const five = [...SITES, 'wien'];
    await planned({ sites: five }, { threshold: 3 });
    await countCases([1, 1, 1, 1, 1], five);
    await setUp();
    await coordinator.answer('keys', five);
    await setUp();
    await coordinator.answer('shares', SITES);
    coordinator.advanceClock(DAY_SECONDS);
    await setUp();
    await coordinator.answer('keys', SITES, 2);
    await setUp();
    await coordinator.answer('shares', REST, 2);
    coordinator.advanceClock(DAY_SECONDS);
    asked();

    await setUp();

    expect(asked()).toEqual({ 'keys 3': REST });
  });

  test('is left out of an attempt that another coordinator has begun first', async () => {
    await toCohort();
    await coordinator.answer('shares', ['berlin', 'hamburg', 'ulm']);
    const context = beside(coordinator.context, federationKeys.setup(SECOND), async () => {
      coordinator.advanceClock(1);
      await setUp();
    });
    coordinator.advanceClock(DAY_SECONDS);

    await setUp({ context });

    expect((await setupOf(2)).at).toBe('2026-03-03T08:00:01.000Z');
    expect(asked()).toEqual({ 'keys 2': ['berlin', 'hamburg', 'ulm'] });
    expect(await exists(federationKeys.setup({ ...STAGE, attempt: 3 }))).toBe(false);
  });
});

describe('a site that sends shares', () => {
  const sharesOf = async (site: string, attempt = 1) =>
    (await readJson(coordinator.context.federationStore, answerAt('shares', site, attempt), siteSharesSchema)).value;
  /** A change of a site's own shares, which it signs again. */
  const changed = async (change: (content: Awaited<ReturnType<typeof sharesOf>>['shares']['content']) => void) => {
    await coordinator.answer('shares', ['ulm']);
    const { schema, shares } = await sharesOf('ulm');
    change(shares.content);
    const own = await siteSecrets(coordinator.context.siteStore('ulm'), 'ulm', STAGE.campaign);
    return { schema, shares: signed('key shares', shares.content, own.signingKey) };
  };
  const FOR_OTHERS = 'Secure aggregation: the key shares of ulm are for others.';

  test.each<[string, () => Promise<unknown>, string]>([
    ['for another cohort', () => changed((content) => Object.assign(content, { cohort: '0'.repeat(64) })), FOR_OTHERS],
    ['for too few sites', () => changed(({ sealed }) => delete sealed.hamburg), FOR_OTHERS],
    ['for too few rounds', () => changed(({ digests }) => digests.pop()), FOR_OTHERS],
    ['of another site', () => sharesOf('hamburg'), 'ulm has sent an answer of hamburg.'],
    [
      'that it has not signed',
      async () => {
        const sent = await changed(() => undefined);
        return { ...sent, shares: { ...sent.shares, signature: (await sharesOf('hamburg')).shares.signature } };
      },
      'Secure aggregation: the signature of ulm',
    ],
    ['that are no shares', async () => ({ schema: 'fedcardio.site-shares/1' }), answerAt('shares', 'ulm')],
    ['of megabytes', async () => 'x'.repeat(MAX_STEP_BYTES), `its answer has ${MAX_STEP_BYTES + 2} bytes`],
  ])('%s is named if the others are too few', async (_, sent, reason) => {
    await decline('berlin');
    await toCohort();
    await coordinator.answer('shares', ['hamburg']);
    await coordinator.put(answerAt('shares', 'ulm'), await sent());

    expect(await setUp()).toBeUndefined();

    const failure = await coordinator.failure();
    expect(failure).toMatch(
      /^Stage teacher cannot begin: 2 sites have sent usable shares of their keys, or still may, and secure aggregation needs 3\. ulm: [^;]*$/,
    );
    expect(failure).toContain(` ulm: ${reason}`);
    expect(asked()).toEqual({});
  });

  test('with a fault is left out at once, while another is waited for', async () => {
    await toCohort();
    await coordinator.answer('shares', ['berlin', 'hamburg']);
    await coordinator.put(answerAt('shares', 'ulm'), 'something else');

    await setUp();

    expect((await setupOf(2)).sites.map(({ site }) => site)).toEqual(REST);
    expect(asked()).toEqual({ 'keys 2': REST });
  });
});

describe('an answer that cannot be read before an upgrade or without a right', () => {
  const newer = (step: 'keys' | 'shares', site: string) =>
    coordinator.put(answerAt(step, site), { schema: `fedcardio.site-${step}/9` });

  test.each(['keys', 'shares'] as const)('ends no campaign if it is of a newer release: %s', async (step) => {
    if (step === 'keys') await setUp();
    else await toCohort();
    await coordinator.answer(step, ['berlin', 'hamburg']);
    await newer(step, 'munich');
    await newer(step, 'ulm');

    await expect(setUp()).rejects.toMatchObject({
      code: 'NEWER_SCHEMA',
      message: expect.stringContaining(answerAt(step, 'munich')),
    });

    expect(await coordinator.failure()).toBeUndefined();
    expect(await exists(step === 'keys' ? cohortAt : federationKeys.setup(SECOND))).toBe(false);
  });

  test.each(DENIED)('ends no campaign after the deadline, and counts when it can be read: %s', async (refusal) => {
    for (const step of ['keys', 'shares'] as const) {
      await setUp();
      await coordinator.answer(step);
      const context = refusing(coordinator.context, refusal, answerAt(step, 'munich'), answerAt(step, 'ulm'));
      asked();
      await setUp({ context, resendAfterSeconds: 0 });
      expect(asked()).toEqual({ [`${step} 1`]: ['munich', 'ulm'] });
      coordinator.advanceClock(DAY_SECONDS);

      await expect(setUp({ context })).rejects.toMatchObject({ code: 'STORAGE' });

      expect(await coordinator.failure()).toBeUndefined();
    }
    expect((await setUp())?.value.cohort.sites).toEqual(SITES);
  });

  test('is not waited for after the deadline if the others are enough', async () => {
    await setUp();
    await coordinator.answer('keys');
    coordinator.advanceClock(DAY_SECONDS);

    await setUp({ context: refusing(coordinator.context, 'a KMS key of others', answerAt('keys', 'ulm')) });

    expect(await sitesOf()).toEqual(REST);
  });

  test.each(PERMANENT)('ends a campaign if it stays so: %s', async (refusal) => {
    await setUp();
    await coordinator.answer('keys');

    await setUp({
      context: refusing(coordinator.context, refusal, answerAt('keys', 'munich'), answerAt('keys', 'ulm')),
    });

    expect(await coordinator.failure()).toMatch(/ needs 3\. munich: .*; ulm: /);
  });
});

test('a site answers for itself alone', () => {
  expect(() => requireSender('ulm', 'ulm')).not.toThrow();
  expect(() => requireSender('ulm', 'berlin')).toThrow('berlin has sent an answer of ulm.');
});
