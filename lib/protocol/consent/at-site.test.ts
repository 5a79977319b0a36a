import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { FedcardioError } from '../../error.ts';
import { federationKeys, siteKeys } from '../../federation/keys.ts';
import { type Consent, consentSchema } from '../../federation/schemas.ts';
import { consentDocument } from '../../federation/testing.ts';
import { canonicalJson, sha256Hex } from '../../json.ts';
import type { FederationStore, SiteStore } from '../../storage/contract.ts';
import { tryReadJson } from '../../storage/documents.ts';
import { storesOf } from '../../storage/stores.ts';
import { createMemoryStorage } from '../../storage/testing-objects.ts';
import { type ConsentContext, consentTo, type Decision, decide, requireConsent, shownConsent } from './at-site.ts';

const NOW = new Date('2026-03-02T08:00:00.000Z');
const CAMPAIGN = 'tavi-1';
const PLAN = readFileSync(new URL('../../../docs/events/plan.json', import.meta.url));
const PLAN_SHA = sha256Hex(PLAN);
/** What a coordinator might replace it with. */
const OTHER = canonicalJson({ ...JSON.parse(PLAN.toString()), at: NOW.toISOString() });
const OTHER_SHA = sha256Hex(OTHER);
const OWN = siteKeys.consent(CAMPAIGN);
const COPY = federationKeys.consent('berlin', CAMPAIGN);

let store: SiteStore;
let federationStore: FederationStore;
let context: ConsentContext;

beforeEach(async () => {
  const stores = storesOf(createMemoryStorage({ now: () => NOW }), 'heart');
  store = stores.siteStore('berlin');
  federationStore = stores.federationStore;
  context = { site: 'berlin', store, federationStore, now: () => NOW };
  await federationStore.put(federationKeys.plan(CAMPAIGN), PLAN);
});

const own = async () => (await tryReadJson(store, OWN, consentSchema))?.value;
const copy = async () => (await tryReadJson(federationStore, COPY, consentSchema))?.value;
const answered = (fields: Partial<Consent>) =>
  store.put(OWN, canonicalJson(consentDocument({ campaign: CAMPAIGN, plan: PLAN_SHA, ...fields })));
const policy = (fields: object) =>
  store.put(
    siteKeys.policy,
    JSON.stringify({
      ...{ schema: 'fedcardio.policy/1', site: 'berlin', mode: 'standing', by: 'DPO', at: NOW.toISOString() },
      ...fields,
    }),
  );
const replacePlan = () => federationStore.put(federationKeys.plan(CAMPAIGN), OTHER);
const asked = (plan?: string, isRepeated = false) => consentTo(context, CAMPAIGN, { plan, isRepeated });
const decided = (decision: Partial<Decision>) => decide(context, CAMPAIGN, { state: 'agreed', by: 'DPO', ...decision });

describe('at the first message of a campaign', () => {
  test('a person is asked, and the coordinator is told', async () => {
    expect(await asked()).toMatchObject({ state: 'asked', plan: PLAN_SHA });
    expect(await own()).toMatchObject({ state: 'asked' });
    expect(await copy()).toEqual(await own());
  });

  test('the policy answers', async () => {
    await policy({ days: 3 });

    expect(await asked()).toMatchObject({ state: 'agreed', by: 'policy', until: '2026-03-05T08:00:00.000Z' });
  });

  test('there must be a plan', async () => {
    await federationStore.delete(federationKeys.plan(CAMPAIGN));

    await expect(asked()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('at a later message', () => {
  test('an answer holds, and only a repeated message tells the coordinator what an interrupted call has not', async () => {
    await answered({ state: 'agreed' });

    expect(await asked()).toMatchObject({ state: 'agreed' });
    expect(await copy()).toBeUndefined();
    await asked(undefined, true);
    expect(await copy()).toEqual(await own());
  });

  test.each(['declined', 'withdrawn'] as const)('a site that has %s is not asked for another plan', async (state) => {
    await answered({ state });
    await replacePlan();

    expect(await asked(OTHER_SHA)).toMatchObject({ state, plan: PLAN_SHA });
  });

  test('an agreement holds for work of the plan that was agreed to', async () => {
    await answered({ state: 'agreed' });
    await replacePlan();

    expect(await asked(PLAN_SHA)).toMatchObject({ state: 'agreed', plan: PLAN_SHA });
  });

  test.each([
    ['for work of the new plan', OTHER_SHA],
    ['for work that names none', undefined],
  ])('a person is asked again if the plan was replaced, %s; the limits stay', async (_, plan) => {
    const limits = { scores: 'none', figures: false, minimumCases: 20 } as const;
    await answered({ state: 'agreed', until: '2026-04-01T00:00:00.000Z', limits });
    await replacePlan();

    const answer = await asked(plan);

    expect(answer).toMatchObject({
      ...{ state: 'asked', plan: OTHER_SHA, until: null, limits },
      reason: 'The coordinator has replaced the plan of the campaign since this site was asked.',
    });
    expect(await own()).toEqual(answer);
    expect(await copy()).toEqual(answer);
  });
});

describe('a site shows', () => {
  test('its answer, or what it would be asked, and writes nothing', async () => {
    await policy({ days: 3 });
    expect(await shownConsent(context, CAMPAIGN)).toMatchObject({ state: 'asked', until: null, plan: PLAN_SHA });
    expect(await own()).toBeUndefined();

    await answered({ state: 'declined' });
    expect(await shownConsent(context, CAMPAIGN)).toMatchObject({ state: 'declined' });
  });

  test('that there is no such campaign', async () => {
    await expect(shownConsent(context, 'other')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'The federation has planned no campaign "other".',
      hint: 'Without a campaign, the command lists those that have asked the site.',
    });
  });
});

describe('a person', () => {
  test('agrees, under the limits of the answer before and those that are given', async () => {
    await answered({ state: 'asked', limits: { scores: 'cases', figures: true, minimumCases: 20 } });

    const answer = await decided({ limits: { scores: 'none' }, reason: 'Ethics vote 12/26' });

    expect(answer).toMatchObject({
      ...{ state: 'agreed', by: 'DPO', at: NOW.toISOString(), reason: 'Ethics vote 12/26', until: null },
      limits: { scores: 'none', figures: true, minimumCases: 20 },
    });
    expect(await own()).toEqual(answer);
    expect(await copy()).toEqual(answer);
  });

  test.each<[string, Partial<Decision>, string | null]>([
    ['as long as the policy says', {}, '2026-03-05T08:00:00.000Z'],
    ['until a given time', { until: '2026-05-01T00:00:00.000Z' }, '2026-05-01T00:00:00.000Z'],
    ['without an end', { until: null }, null],
    ['not at all', { state: 'declined', until: '2026-05-01T00:00:00.000Z' }, null],
  ])('agrees %s', async (_, decision, until) => {
    await policy({ mode: 'ask', days: 3 });

    expect((await decided(decision)).until).toBe(until);
  });

  test.each<Consent['state'] | undefined>([undefined, 'asked', 'declined'])(
    'has nothing to withdraw after %s',
    async (state) => {
      if (state) await answered({ state });

      await expect(decided({ state: 'withdrawn' })).rejects.toMatchObject({
        code: 'BAD_CONFIGURATION',
        message: 'Site berlin has no consent to tavi-1 that it could withdraw.',
        hint: 'Decline the campaign instead.',
      });
      expect((await own())?.state).toBe(state);
    },
  );

  test('agrees to nothing but the plan that was shown', async () => {
    await answered({ state: 'asked' });
    await replacePlan();

    for (const plan of [PLAN_SHA, undefined]) {
      await answered({ state: 'asked' });
      await expect(decided({ plan })).rejects.toMatchObject({
        code: 'PRECONDITION_FAILED',
        message: expect.stringMatching(/^Nothing was agreed to\. The coordinator has replaced the plan/),
        hint: 'Look at what tavi-1 asks now, and then decide.',
      });
      expect(await own()).toMatchObject({ state: 'asked', plan: OTHER_SHA });
      expect(await copy()).toEqual(await own());
    }
    expect(await decided({ plan: OTHER_SHA })).toMatchObject({ state: 'agreed', plan: OTHER_SHA });
  });

  test('declines whatever the plan is', async () => {
    await answered({ state: 'asked' });
    await replacePlan();

    expect(await decided({ state: 'declined' })).toMatchObject({ state: 'declined' });
  });

  test.each<Consent['state'] | undefined>([undefined, 'asked'])(
    'is not overruled by another one, after %s',
    async (state) => {
      if (state) await answered({ state });
      const racing: SiteStore = {
        ...store,
        put: async (key, ...object) => {
          await answered({ state: 'declined', by: 'another one' });
          return store.put(key, ...object);
        },
      };

      const late = decide({ ...context, store: racing }, CAMPAIGN, { state: 'agreed', by: 'DPO' });

      await expect(late).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
      expect(await own()).toMatchObject({ state: 'declined', by: 'another one' });
    },
  );
});

describe('if the coordinator cannot be told', () => {
  const cause = new Error('Access Denied');
  const failing = (error: Error): ConsentContext => ({
    ...context,
    federationStore: { ...federationStore, put: () => Promise.reject(error) },
  });

  test('the answer holds, the error says so, and a repetition tells it', async () => {
    await answered({ state: 'agreed' });
    const refused = new FedcardioError('STORAGE', 'Access denied (403).', { cause });

    const withdrawn = decide(failing(refused), CAMPAIGN, { state: 'withdrawn', by: 'DPO' });

    await expect(withdrawn).rejects.toMatchObject({
      ...{ code: 'STORAGE', cause, hint: 'Give the same answer once more.' },
      message:
        'Site berlin has recorded its answer (withdrawn), but could not tell the coordinator. Access denied (403).',
    });
    expect(await own()).toMatchObject({ state: 'withdrawn' });
    await decided({ state: 'withdrawn' });
    expect(await copy()).toEqual(await own());
  });

  test('an error of ours is not one of the storage', async () => {
    await expect(decide(failing(cause), CAMPAIGN, { state: 'declined', by: 'DPO' })).rejects.toBe(cause);
  });
});

describe('a GPU task', () => {
  const required = (plan = PLAN_SHA, of = store) =>
    requireConsent({ site: 'berlin', store: of, now: () => NOW }, CAMPAIGN, { sha256: plan });

  test('works under an agreement to its plan', async () => {
    await answered({ state: 'agreed' });

    expect((await required())?.value).toMatchObject({ state: 'agreed', plan: PLAN_SHA });
  });

  test.each<[string, Partial<Consent> | undefined, string]>([
    ['without an answer', undefined, 'has not answered yet whether it agrees to the campaign'],
    ['after a withdrawal', { state: 'withdrawn' }, 'has withdrawn its consent to the campaign'],
    [
      'under an agreement to another plan',
      { state: 'agreed', plan: OTHER_SHA },
      'agreed to another plan of the campaign',
    ],
    [
      'after its end',
      { state: 'agreed', until: '2026-03-02T07:59:59.000Z' },
      'agreed to the campaign until 2026-03-02T07:59:59.000Z',
    ],
  ])('does not work %s', async (_, fields, obstacle) => {
    if (fields) await answered(fields);

    await expect(required()).rejects.toMatchObject({
      code: 'NO_CONSENT',
      message: `Site berlin ${obstacle}.`,
      hint: 'A person at berlin decides, with `site consent` or on the page of the site.',
    });
  });

  test('does not work under an answer that nobody can read', async () => {
    await store.put(OWN, '{');

    await expect(required()).rejects.toMatchObject({
      code: 'NO_CONSENT',
      message: expect.stringContaining('is not JSON'),
    });
  });

  test('fails if the storage does', async () => {
    const away = { ...store, tryGet: () => Promise.reject(new FedcardioError('STORAGE', 'Away.')) };

    await expect(required(PLAN_SHA, away)).rejects.toMatchObject({ code: 'STORAGE' });
  });

  test('needs none for a smoke test, which uses no case of a patient', async () => {
    const smoke = requireConsent({ site: 'berlin', store, now: () => NOW }, 'smoke-test-1', { sha256: PLAN_SHA });

    expect(await smoke).toBeUndefined();
  });
});
