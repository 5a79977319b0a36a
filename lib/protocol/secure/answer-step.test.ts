import { beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../../async.ts';
import { type FederationKey, federationKeys, siteKeys } from '../../federation/keys.ts';
import {
  type CohortDocument,
  endorsementSchema,
  type GpuTaskMessage,
  revealSchema,
  type StepMessage,
  siteSharesSchema,
} from '../../federation/schemas.ts';
import { canonicalJson, parseDocument, sha256Hex } from '../../json.ts';
import { publishKeys } from '../../privacy/key-messages.ts';
import { cohortDigest } from '../../privacy/secure-round.ts';
import { listDigest } from '../../privacy/unmasking.ts';
import type { SiteStore } from '../../storage/contract.ts';
import { readJson } from '../../storage/documents.ts';
import { storesOf } from '../../storage/stores.ts';
import { createMemoryStorage } from '../../storage/testing-objects.ts';
import { answerStep, type StepContext } from './answer-step.ts';
import { boundCohort, MOST_CASES } from './cohort.ts';
import { maskUpdate } from './mask-update.ts';
import { bindToCohort, keepSent, keptCohort, ownIdentity, siteSecrets } from './site-keys.ts';
import { AT, cohortOf, racing, SETUP, SITES, STAGE, securePlan, sendUpdate, stepMessage, WAIT } from './testing.ts';

const now = () => new Date(WAIT.at);

let context: StepContext;
let plan: string;
let cohort: CohortDocument;

const put = (key: FederationKey, value: unknown) => context.federationStore.put(key, canonicalJson(value));
const message = (step: StepMessage['step'], site = 'berlin', round?: number, attempt?: number): StepMessage =>
  stepMessage(plan, step, site, { ...(round !== undefined && { round }), ...(attempt !== undefined && { attempt }) });
const ask = (...asked: Parameters<typeof message>) => answerStep(context, message(...asked));
const askAgain = () => ask('shares', 'berlin', undefined, 2);

/** A coordinator that has keys of four sites, and shows a cohort. */
beforeEach(async () => {
  context = { ...storesOf(createMemoryStorage({ now }), 'heart'), now, log: () => undefined };
  const planned = securePlan();
  plan = planned.sha256;
  await put(federationKeys.plan('tavi'), planned.value);
  cohort = await cohortOf(context, plan, SITES, 1);
  await put(federationKeys.cohort(SETUP), cohort);
});

const survivors = (commitments: Readonly<Record<string, string>>) => ({
  schema: 'fedcardio.survivors/1',
  ...AT,
  ...WAIT,
  list: {
    cohort: cohortDigest(boundCohort(cohort)),
    round: 1,
    survivors: Object.entries(commitments).map(([site, commitment]) => ({ site, commitment })),
  },
});
const [a, b, c] = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [string, string, string];

describe('a site that is asked for short answers', () => {
  test('gives the same answer again', async () => {
    const key = federationKeys.stepAnswer(SETUP, 'berlin', 'shares');
    await ask('shares');
    const { etag } = await context.federationStore.get(key);

    await ask('shares');

    expect((await context.federationStore.get(key)).etag).toBe(etag);
  });

  test('gives none for a stage that the plan has for other sites', async () => {
    await expect(ask('keys', 'essen')).rejects.toThrow('stage teacher is for other sites');
  });

  test.each<[string, (cohort: CohortDocument) => unknown, string]>([
    ['another threshold', ({ cohort }) => Object.assign(cohort, { threshold: 4 }), 'another threshold'],
    ['another range', ({ terms }) => Object.assign(terms, { range: 8 }), 'other terms'],
    ['fewer rounds', ({ cohort }) => Object.assign(cohort, { rounds: 1 }), 'another number of rounds'],
    ['another plan', ({ cohort }) => Object.assign(cohort, { plan: a }), 'another plan'],
    ['another campaign', ({ cohort }) => Object.assign(cohort, { campaign: 'tavr' }), 'another stage than the plan'],
    ['another stage', ({ cohort }) => Object.assign(cohort, { stage: 'student' }), 'another stage than the plan'],
    ['another attempt', ({ cohort }) => Object.assign(cohort, { attempt: 2 }), 'another attempt than the plan'],
    ['its members in another order', ({ members }) => members.reverse(), 'other members than the plan'],
    [
      'keys that the site has not sent',
      ({ members }) => Object.assign(members[0]!, { keys: members[1]!.keys }),
      'no keys of berlin',
    ],
    [
      'another identity than the signer',
      ({ members }) => Object.assign(members[1]!, { identity: members[0]!.identity }),
      'signature',
    ],
    [
      'two sites',
      (document) => {
        document.members.splice(2);
        document.cohort.sites.splice(2);
        Object.assign(document.terms, { totalWeight: 8, sites: 2 });
      },
      'impossible',
    ],
  ])('refuses a cohort with %s', async (_, change, reason) => {
    const changed = structuredClone(cohort);
    change(changed);
    await put(federationKeys.cohort(SETUP), changed);

    await expect(ask('shares')).rejects.toThrow(reason);
    expect(await context.federationStore.head(federationKeys.stepAnswer(SETUP, 'berlin', 'shares'))).toBeUndefined();
  });

  /** The cohort with other numbers of cases, and the fixed point that follows from them. */
  const claiming = (samples: Readonly<Record<string, number>>, of = cohort): CohortDocument => {
    const members = of.members.map((member) => ({ ...member, samples: samples[member.site] ?? member.samples }));
    const totalWeight = members.reduce((sum, member) => sum + member.samples, 0);
    return { ...of, members, terms: { ...of.terms, totalWeight } };
  };

  // One site of 1.3e9 and others of half of their cases: the sum would be the update of that one.
  test.each<[string, Readonly<Record<string, number>>]>([
    ['another site', { ulm: 1.3e9, berlin: 2, hamburg: 2, munich: 2 }],
    ['its own', { berlin: 1.3e9 }],
    ['another site, just above the limit', { ulm: MOST_CASES + 1 }],
  ])('sends no shares to a cohort that counts so many cases that updates round to 0: %s', async (_, claims) => {
    await put(federationKeys.cohort(SETUP), claiming(claims));
    const [site] = Object.keys(claims);

    await expect(ask('shares')).rejects.toThrow(`it counts ${claims[site!]} cases of ${site}, more than 131072`);
    expect(await context.federationStore.head(federationKeys.stepAnswer(SETUP, 'berlin', 'shares'))).toBeUndefined();
  });

  test('sends shares to a cohort of as many cases as a large hospital has', async () => {
    await put(federationKeys.cohort(SETUP), claiming({ hamburg: 100_000, ulm: MOST_CASES }));

    await ask('shares');

    expect(await context.federationStore.head(federationKeys.stepAnswer(SETUP, 'berlin', 'shares'))).toBeDefined();
  });

  test('refuses a cohort with keys that it has signed and not sent', async () => {
    const own = await siteSecrets(context.siteStore('berlin'), 'berlin', 'another');
    const keys = publishKeys(own, { ...SETUP, plan, rounds: 2 });
    const identity = ownIdentity(own);
    const [, ...others] = cohort.members;
    await put(federationKeys.cohort(SETUP), {
      ...cohort,
      members: [{ ...cohort.members[0], identity, keys }, ...others],
    });

    await expect(ask('shares')).rejects.toThrow('other keys of this site than it has sent');
  });

  test.each(['endorse', 'reveal'] as const)('refuses a request to %s that names no round', async (step) => {
    await expect(ask(step)).rejects.toThrow(`a request to ${step} names no round`);
  });

  test('takes part in one cohort of a stage only', async () => {
    await ask('shares');
    const samples = cohort.members.map((member) => ({ ...member, samples: 5 }));
    await put(federationKeys.cohort(SETUP), {
      ...cohort,
      members: samples,
      terms: { ...cohort.terms, totalWeight: 20 },
    });

    await expect(ask('shares')).rejects.toThrow('second, different cohort');
  });

  describe('follows to another attempt', () => {
    const SECOND = { ...STAGE, attempt: 2 };
    const answer = federationKeys.stepAnswer(SECOND, 'berlin', 'shares');
    const REST = SITES.slice(0, 3);

    test('without sites that have sent no shares', async () => {
      await ask('shares');
      await put(federationKeys.cohort(SECOND), await cohortOf(context, plan, REST, 2));

      await askAgain();

      expect(await context.federationStore.head(answer)).toBeDefined();
      const { value } = await keptCohort(context.siteStore('berlin'), STAGE);
      expect(value.cohort.sites).toEqual(REST);
      // A key that is opened for one cohort opens nothing of the other.
      const [before, after] = [cohort.members[0]!, value.members[0]!].map(({ keys }) => keys.content);
      expect(after!.maskKeys.some((key) => before!.maskKeys.includes(key))).toBe(false);
      expect(after!.channelKey).not.toBe(before!.channelKey);
    });

    test('also if it has not seen the first one', async () => {
      await put(federationKeys.cohort(SECOND), await cohortOf(context, plan, REST, 2));

      await askAgain();

      expect(await context.federationStore.head(answer)).toBeDefined();
    });

    test('with keys of that attempt alone', async () => {
      const second = await cohortOf(context, plan, REST, 2);
      await put(federationKeys.cohort(SECOND), { ...second, members: cohort.members.slice(0, 3) });

      await expect(askAgain()).rejects.toThrow('for another campaign, stage, plan or attempt');
    });

    test('and is not alarmed when the question of the one before comes late', async () => {
      await ask('shares');
      await put(federationKeys.cohort(SECOND), await cohortOf(context, plan, REST, 2));
      await askAgain();

      await ask('shares');

      const { value } = await keptCohort(context.siteStore('berlin'), STAGE);
      expect(value.cohort.attempt).toBe(2);
      await put(federationKeys.cohort(SETUP), { ...cohort, ...WAIT, deadline: WAIT.at });
      await expect(ask('shares')).rejects.toThrow('second, different cohort');
    });

    test.each<[string, () => Promise<unknown>, string]>([
      [
        'after it has masked an update',
        () => bindToCohort(context.siteStore('berlin'), STAGE, Buffer.from(canonicalJson(cohort))),
        'after this site has sent an update',
      ],
      [
        'with a site that was not in the first one',
        async () => {
          const other = await cohortOf(context, plan, ['berlin', 'hamburg', 'ulm'], 1);
          await context.siteStore('berlin').put(siteKeys.knownCohort(SETUP), canonicalJson(other));
        },
        'with other sites than before',
      ],
    ])('but not %s', async (_, before, reason) => {
      await ask('shares');
      await before();
      await put(federationKeys.cohort(SECOND), await cohortOf(context, plan, REST, 2));

      await expect(askAgain()).rejects.toThrow(reason);

      expect(await context.federationStore.head(answer)).toBeUndefined();
    });
  });

  describe('masks an update while it is asked for another attempt', () => {
    const SECOND = { ...STAGE, attempt: 2 };
    const layout = new Map([['w', { dtype: 'F32' as const, shape: [2] }]]);
    const start = new Float32Array(2);
    /** A request for an update that is masked for a cohort. */
    const mask = (
      store: SiteStore,
      asked: CohortDocument,
      samples = 4,
      agreed = plan,
      { values = [0.5, 0.25], untrained = [] as string[] } = {},
    ) => {
      const weights = new Map([['w', { dtype: 'F32' as const, shape: [2], data: Float32Array.from(values) }]]);
      const config = { kind: 'teacher', rounds: 1, aggregation: { strategy: 'fedavg', untrained: 'skip' } };
      const request = { ...AT, site: 'berlin', config, secure: { cohort: digestOf(asked) } };
      return maskUpdate(store, request as unknown as GpuTaskMessage, {
        ...{ plan: agreed, weights, untrained, samples, layout },
        from: async () => start,
      });
    };
    const digestOf = (document: CohortDocument) => sha256Hex(canonicalJson(document));
    let second: CohortDocument;
    beforeEach(async () => {
      await ask('shares');
      second = await cohortOf(context, plan, SITES.slice(0, 3), 2);
      await put(federationKeys.cohort(SECOND), second);
    });
    test('has one mask for an update, and another one for any other update', async () => {
      const own = context.siteStore('berlin');
      const masked = async (...update: readonly [samples?: number, fields?: Parameters<typeof mask>[4]]) => {
        const { bytes, digest } = await mask(own, cohort, update[0], plan, update[1]);
        return { digest, words: [...new Int32Array(bytes.slice(-12).buffer)] };
      };
      const first = await masked();

      expect(await masked()).toEqual(first);
      const others = [
        await masked(4, { values: [0.5, 0.25000003] }),
        await masked(4, { values: [-0.5, -0.25] }),
        await masked(3),
        await masked(4, { untrained: ['w'] }),
      ];
      for (const { digest, words } of others) {
        expect(digest).not.toBe(first.digest);
        // Where the weight and the values hardly differ, the masked words do.
        for (const [i, word] of words.entries())
          expect(Math.abs(word - (first.words[i] as number))).toBeGreaterThan(1e3);
      }
    });

    test('refuses a cohort in which it has next to no cases, unless they came after its first update', async () => {
      const own = context.siteStore('berlin');
      await expect(mask(own, second, 9)).rejects.toThrow('another cohort');
      await expect(mask(own, cohort, 9)).rejects.toThrow(
        'counts 4 cases of berlin for stage teacher, and it trains on 9',
      );

      await mask(own, cohort, 8);

      await expect(mask(own, cohort, 100)).resolves.toMatchObject({ samples: 4 });
    });

    /** Masks for a cohort that the site has kept unseen, as an earlier release did. */
    const maskKept = async (kept: CohortDocument, samples: number) => {
      const own = context.siteStore('berlin');
      await own.put(siteKeys.knownCohort(SETUP), canonicalJson(kept));
      return mask(own, kept, samples);
    };

    test('refuses a cohort that counts far more cases of it than it has', async () => {
      const refused = 'counts 65 cases of berlin for stage teacher, and it trains on 4';

      await expect(maskKept(claiming({ berlin: 65 }), 4)).rejects.toThrow(refused);
      // Cases may be held back for validation.
      await expect(maskKept(claiming({ berlin: 64 }), 4)).resolves.toMatchObject({ samples: 64 });
    });

    test('weighs at most as much as a site may count, however many cases it has', async () => {
      const kept = claiming({ berlin: MOST_CASES });

      await expect(maskKept(kept, 1_000_000)).resolves.toMatchObject({ samples: MOST_CASES });
    });

    test.each<[string, (cohort: CohortDocument) => CohortDocument, string]>([
      ['cases', () => claiming({ munich: 1e9 }), 'it counts 1000000000 cases of munich'],
      ['range', (of) => ({ ...of, terms: { ...of.terms, range: 65 } }), 'its range of 65 is more than 64'],
    ])('refuses a cohort whose %s make updates round to 0', async (_, change, reason) => {
      await expect(maskKept(change(cohort), 4)).rejects.toThrow(reason);
    });

    test('refuses a cohort of another plan than the one that it agreed to', async () => {
      await expect(mask(context.siteStore('berlin'), cohort, 4, b)).rejects.toThrow('another plan');
    });

    test('and masks for the first one only, though it has kept the second', async () => {
      const own = context.siteStore('berlin');
      const isSecond = (key: string) => key.endsWith('/2/cohort.json');
      const store = racing(own, 'before', isSecond, () => mask(own, cohort));
      context = { ...context, siteStore: () => store };
      await askAgain();

      await expect(mask(own, second)).rejects.toThrow('another cohort');
      await expect(askAgain()).resolves.toBeUndefined();
      expect((await keptCohort(own, STAGE)).sha256).toBe(digestOf(cohort));
      await expect(mask(own, cohort)).resolves.toBeDefined();
    });

    test.each(['before', 'after'] as const)('and sends one update, %s it has bound itself', async (when) => {
      const own = context.siteStore('berlin');
      const binds = (key: string) => key === siteKeys.maskedCohort(STAGE);
      const other = async () => {
        await askAgain().catch(() => undefined);
        await mask(own, second).catch(() => undefined);
      };
      const first = await mask(racing(own, when, binds, other), cohort).catch(() => undefined);

      const bound = sha256Hex((await own.get(siteKeys.maskedCohort(STAGE))).body);
      expect(bound).toBe(digestOf(when === 'before' ? second : cohort));
      expect(first === undefined).toBe(when === 'before');
      const sent = await collect(own.list(siteKeys.sentMaskedPrefix(AT)));
      expect(sent).toHaveLength(1);
    });
  });

  test('endorses nothing for a cohort with other terms or samples than those that it was shown', async () => {
    await put(federationKeys.cohort(SETUP), claiming({ ulm: MOST_CASES }));
    await ask('shares');
    await keepSent(context.siteStore('berlin'), AT, a);
    await put(federationKeys.survivors(AT), survivors({ berlin: a, hamburg: b, munich: c }));

    await expect(ask('endorse', 'berlin', 1)).rejects.toThrow('for another round');
  });

  test('answers nothing for another plan than that of its cohort', async () => {
    await ask('shares');
    await put(federationKeys.survivors(AT), survivors({ berlin: a, hamburg: b, munich: c }));

    for (const step of ['endorse', 'reveal'] as const) {
      await expect(answerStep(context, { ...message(step, 'berlin', 1), plan: b })).rejects.toThrow('another plan');
    }
  });

  test('takes no cohort of a stage whose name begins with the name of this one', async () => {
    const store = context.siteStore('berlin');
    const nested = { ...cohort, cohort: { ...cohort.cohort, stage: 'teacher/x', attempt: 1 } };
    await store.put(siteKeys.knownCohort({ ...STAGE, stage: 'teacher/x', attempt: 1 }), canonicalJson(nested));

    await expect(keptCohort(store, STAGE)).rejects.toThrow('no keys');
  });

  test('refuses another identity of a site that it knows', async () => {
    const store = context.siteStore('berlin');
    const known = {
      schema: 'fedcardio.known-site/1',
      site: 'munich',
      identity: cohort.members[0]!.identity,
      at: WAIT.at,
    };
    await store.put(siteKeys.knownSite('munich'), canonicalJson(known));

    await expect(ask('shares')).rejects.toThrow('another key of site munich');
  });

  test('endorses one list of a round only, whatever the coordinator says next', async () => {
    await ask('shares');
    await keepSent(context.siteStore('berlin'), AT, a);
    await put(federationKeys.survivors(AT), survivors({ berlin: a, hamburg: b, munich: c }));
    await ask('endorse', 'berlin', 1);
    await put(federationKeys.survivors(AT), survivors({ berlin: a, hamburg: b, munich: a }));

    await expect(ask('endorse', 'berlin', 1)).rejects.toThrow('second, different list');
  });

  test('endorses one of two lists that come at the same time', async () => {
    await ask('shares');
    const own = context.siteStore('berlin');
    await keepSent(own, AT, a);
    const endorse = async (munich: string) => {
      await put(federationKeys.survivors(AT), survivors({ berlin: a, hamburg: b, munich }));
      await ask('endorse', 'berlin', 1);
    };
    const between = {
      ...own,
      putIfAbsent: async (...object) => {
        context = { ...context, siteStore: () => own };
        await endorse(a);
        return own.putIfAbsent(...object);
      },
    } satisfies SiteStore;
    context = { ...context, siteStore: () => between };

    await expect(endorse(c)).rejects.toThrow('a second, different list of survivors came for this round');
  });

  test.each([
    ['names an update that the site has not sent', { berlin: b, hamburg: b, munich: c }, 'has not sent'],
    ['leaves out too many', { hamburg: b, munich: c }, 'fewer than 3'],
  ])('does not endorse a list that %s', async (_, commitments, reason) => {
    await ask('shares');
    await keepSent(context.siteStore('berlin'), AT, a);
    await put(federationKeys.survivors(AT), survivors(commitments));

    await expect(ask('endorse', 'berlin', 1)).rejects.toThrow(reason);
  });

  describe('is asked to open shares before it is asked to endorse the list', () => {
    const endorsed = federationKeys.stepAnswer(AT, 'berlin', 'endorse');
    const opened = federationKeys.stepAnswer(AT, 'berlin', 'reveal');
    let commitments: Readonly<Record<string, string>>;
    beforeEach(async () => {
      for (const site of SITES) await ask('shares', site);
      // All but the first, which has sent no update.
      const updates = await Promise.all(SITES.slice(1).map((site) => sendUpdate(context, cohort, site)));
      commitments = Object.fromEntries(updates.map(({ content }) => [content.site, content.commitment]));
      await put(federationKeys.survivors(AT), survivors(commitments));
      const endorsements = [];
      for (const site of Object.keys(commitments)) {
        await ask('endorse', site, 1);
        const key = federationKeys.stepAnswer(AT, site, 'endorse');
        endorsements.push((await readJson(context.federationStore, key, endorsementSchema)).value.endorsement);
      }
      const shares = await readJson(
        context.federationStore,
        federationKeys.stepAnswer(SETUP, 'berlin', 'shares'),
        siteSharesSchema,
      );
      await put(federationKeys.endorsed(AT), {
        schema: 'fedcardio.endorsed/1',
        ...AT,
        ...WAIT,
        endorsements,
        updates,
        keyShares: [shares.value.shares],
      });
    });

    test('and does both', async () => {
      await ask('reveal', 'berlin', 1);

      expect(await context.federationStore.head(endorsed)).toBeDefined();
      const { reveal } = (await readJson(context.federationStore, opened, revealSchema)).value;
      expect(Object.keys(reveal.content.self)).toEqual(Object.keys(commitments));
      expect(Object.keys(reveal.content.keys)).toEqual(['berlin']);
    });

    test('and refuses both for a list that it must not endorse', async () => {
      await put(federationKeys.survivors(AT), survivors({ berlin: a, ...commitments }));

      await expect(ask('reveal', 'berlin', 1)).rejects.toThrow('has not sent');

      for (const key of [endorsed, opened]) expect(await context.federationStore.head(key)).toBeUndefined();
    });
  });

  test('opens nothing for a list that too few others have endorsed', async () => {
    for (const site of SITES) await ask('shares', site);
    await keepSent(context.siteStore('berlin'), AT, a);
    const told = survivors({ berlin: a, hamburg: b, munich: c });
    await put(federationKeys.survivors(AT), told);
    await ask('endorse', 'berlin', 1);
    const answer = await context.federationStore.get(federationKeys.stepAnswer(AT, 'berlin', 'endorse'));
    const { endorsement } = parseDocument(answer.body, endorsementSchema, 'the endorsement');
    expect(endorsement.content.list).toBe(listDigest(told.list));
    const forged = SITES.map((site) => ({ ...endorsement, content: { ...endorsement.content, site } }));
    const update = {
      content: { site: 'hamburg', cohort: a, round: 1, weights: a, commitment: b, sealed: {}, digests: [] },
      signature: endorsement.signature,
    };
    await put(federationKeys.endorsed(AT), {
      schema: 'fedcardio.endorsed/1',
      ...AT,
      ...WAIT,
      endorsements: forged,
      updates: [update],
      keyShares: [],
    });

    await expect(ask('reveal', 'berlin', 1)).rejects.toThrow(/signature|endorsed/);
    expect(await context.federationStore.head(federationKeys.stepAnswer(AT, 'berlin', 'reveal'))).toBeUndefined();
  });

  test('gives no keys for a plan without secure aggregation, or for another plan', async () => {
    await expect(answerStep(context, { ...message('keys'), plan: a })).rejects.toThrow('another plan');
    const stored = JSON.parse(
      Buffer.from((await context.federationStore.get(federationKeys.plan('tavi'))).body).toString(),
    );
    delete stored.campaign.privacy;
    const body = canonicalJson(stored);
    await context.federationStore.put(federationKeys.plan('tavi'), body);

    await expect(answerStep(context, { ...message('keys'), plan: sha256Hex(body) })).rejects.toThrow(
      'does not aggregate',
    );
  });
});
