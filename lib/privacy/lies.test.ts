import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkedKeyShares, keyDirectory, openKeyShare } from './key-messages.ts';
import { recoverMasks } from './recovery.ts';
import { leastThreshold, type SecureRound } from './secure-round.ts';
import { agreedSecret, signed, toBase64 } from './site-keys.ts';
import { commitmentOf, openChannel } from './site-secrets.ts';
import { createCohort, sendUpdate, type TestCohort, unmask, VALUES } from './testing-cohort.ts';
import { checkedReveal, endorse, listDigest, mayReveal, reveal, type SurvivorList, survivorList } from './unmasking.ts';
import { checkedUpdate } from './update-message.ts';

const P = 2n ** 255n - 19n;
/** Points of small order, as https://cr.yp.to/ecdh.html lists them. */
const SMALL_ORDER = [
  0n,
  1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  P - 1n,
];
const TERMS = { range: 1, totalWeight: 100, sites: 7 };
const UPDATE = { values: new Float32Array(VALUES).fill(0.5), weights: { a: 2, b: 2, c: 2 } };

async function sentBy(cohort: TestCohort, at: SecureRound, sites: readonly number[]) {
  const entries = sites.map(async (i) => [i, await sendUpdate(cohort, at, i, UPDATE, TERMS)] as const);
  return new Map(await Promise.all(entries));
}

/** A round of five sites with a threshold of three; site 4 has dropped out. */
async function roundOfFive() {
  const cohort = createCohort(5, { rounds: 2 });
  const at = { cohort: cohort.cohort, round: 1 };
  const sent = await sentBy(cohort, at, [0, 1, 2, 3]);
  return { cohort, at, sent, ...unmask(cohort, at, sent, [0, 1, 2, 3]) };
}

describe('a coordinator that lies about who dropped out', () => {
  /** For each site, which of its update's two secrets the coordinator has got. */
  test('never gets both secrets of a site, nor shares for two lists, whatever it tells whom', async () => {
    const sites = 7;
    const drawn = fc.record({
      colluding: fc.integer({ min: 0, max: 2 }),
      lists: fc.array(fc.subarray([...Array(sites).keys()], { minLength: 1 }), { minLength: 1, maxLength: 4 }),
      // To each site, an order in which the lists come.
      told: fc.array(fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }), { minLength: sites, maxLength: sites }),
    });
    const cohorts = [0, 1, 2].map((colluding) => createCohort(sites, { threshold: leastThreshold(sites, colluding) }));
    const sents = await Promise.all(
      cohorts.map((cohort) => sentBy(cohort, { cohort: cohort.cohort, round: 1 }, [...Array(sites).keys()])),
    );

    fc.assert(
      fc.property(drawn, ({ colluding, lists, told }) => {
        const cohort = cohorts[colluding] as TestCohort;
        const { identities, own } = cohort;
        const at = { cohort: cohort.cohort, round: 1 };
        const commitments = own.map((_, i) => sents[colluding]?.get(i)?.message.content.commitment as string);
        const made = lists.map((members) => listOf(at, members, commitments));
        // The last sites collude: they endorse and open everything.
        const isHonest = (i: number) => i < sites - colluding;
        const endorsed = new Map<number, string>();
        const endorsements = own.flatMap((site, i) =>
          (isHonest(i) ? (told[i] as number[]) : made.map((_, list) => list)).flatMap((which) => {
            const list = made[which % made.length] as SurvivorList;
            const record = { endorsed: isHonest(i) ? endorsed.get(i) : undefined, sent: [commitments[i] as string] };
            const answer = attempt(() => endorse(site, at, list, record));
            if (answer && isHonest(i)) endorsed.set(i, listDigest(list));
            return answer ? [answer] : [];
          }),
        );

        const opened = own.flatMap((site, i) =>
          made.flatMap((list) => {
            const record = {
              endorsed: isHonest(i) ? endorsed.get(i) : listDigest(list),
              sent: [commitments[i] as string],
            };
            const may = attempt(() => mayReveal(at, list, endorsements, { record, identities }));
            return may ? [{ site: site.site, list: listDigest(list), may, honest: isHonest(i) }] : [];
          }),
        );

        const honest = opened.filter((one) => one.honest);
        expect(new Set(honest.map(({ list }) => list)).size).toBeLessThanOrEqual(1);
        for (const target of at.cohort.sites) {
          const got = (kind: 'self' | 'key') => honest.filter(({ may }) => may.get(target) === kind).length + colluding;
          expect(Math.min(got('self'), got('key'))).toBeLessThan(at.cohort.threshold);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('would get both from sites that answer every list', async () => {
    const { cohort, at, list, updates, endorsements, identities } = await roundOfFive();
    const commitments = updates.map(({ commitment }) => commitment);
    const second = listOf(at, [0, 1, 2], commitments);
    const may = [list, second].map((one) => {
      const own = cohort.own.slice(0, 3).map((site) => endorse(site, at, one, { sent: commitments }));
      return mayReveal(at, one, one === list ? endorsements : own, {
        record: { endorsed: listDigest(one), sent: [] },
        identities,
      });
    });

    expect(may.map((answer) => answer.get('site-03'))).toEqual(['self', 'key']);
  });

  test('is refused a second list, a short one, one of another round, and an update that was not sent', async () => {
    const { cohort, at, list, updates } = await roundOfFive();
    const [own] = cohort.own as [TestCohort['own'][number]];
    const commitments = updates.map(({ commitment }) => commitment);
    const record = { endorsed: listDigest(list), sent: commitments };
    const fresh = { sent: commitments };

    expect(endorse(own, at, list, record)).toEqual(endorse(own, at, list, fresh));
    expect(() => endorse(own, at, listOf(at, [0, 1, 2], commitments), record)).toThrow(/second, different list/);
    expect(() => endorse(own, at, listOf(at, [0, 1], commitments), fresh)).toThrow(/2 survivors; fewer than 3/);
    expect(() => endorse(own, at, { ...list, round: 2 }, fresh)).toThrow(/another round/);
    expect(() => endorse(own, at, { ...list, cohort: '0' }, fresh)).toThrow(/another round/);
    expect(() => endorse(own, at, listOf(at, [1, 0, 2], commitments), fresh)).toThrow(/sorted part/);
    expect(() => endorse(own, at, { ...list, survivors: [...list.survivors, ...list.survivors] }, fresh)).toThrow(
      /sorted part/,
    );
    expect(() => endorse(own, at, list, { sent: [commitmentOf(new Uint8Array(32))] })).toThrow(/has not sent/);
  });

  test('is opened nothing with endorsements that are too few, of others, repeated or forged', async () => {
    const { at, list, endorsements, identities, cohort } = await roundOfFive();
    const terms = { record: { endorsed: listDigest(list), sent: [] }, identities };
    const [first, second, third] = endorsements as [never, never, never];
    const forged = signed(
      'endorsement',
      { site: 'site-02', list: listDigest(list) },
      cohort.own[3]?.signingKey as never,
    );

    expect(mayReveal(at, list, [first, second, third], terms).size).toBe(5);
    expect(() => mayReveal(at, list, [first, second], terms)).toThrow(/2 sites have endorsed/);
    expect(mayReveal(at, list, [forged, first, second, third], terms).size).toBe(5);
    expect(() => mayReveal(at, list, [first, second, second], terms)).toThrow(/2 sites have endorsed/);
    expect(() => mayReveal(at, list, [first, second, forged], terms)).toThrow(/2 sites have endorsed/);
    expect(() => mayReveal(at, list, endorsements, { ...terms, record: { sent: [] } })).toThrow(/has not endorsed/);
  });
});

describe('a site that lies', () => {
  test('with wrong shares is named, and stops nobody', async () => {
    const { cohort, at, list, updates, keyShares, reveals } = await roundOfFive();
    const wrong = toBase64(new Uint8Array(32).fill(1));
    const lies = {
      ...reveals[0],
      self: { ...reveals[0]?.self, 'site-01': wrong, 'site-02': 'no base64' },
    } as (typeof reveals)[number];
    const round = { list, updates, keyShares, reveals: [lies, ...reveals.slice(1)] };

    const recovery = recoverMasks(at, cohort.directory, round);

    expect(recovery.missing).toEqual([]);
    expect(new Set(recovery.faults.map(({ site }) => site))).toEqual(new Set(['site-00']));
    expect(recovery.masks).toEqual(recoverMasks(at, cohort.directory, { ...round, reveals }).masks);
    const fewer = recoverMasks(at, cohort.directory, { ...round, reveals: [lies, ...reveals.slice(1, 3)] });
    expect(fewer.missing).toEqual(['site-01', 'site-02']);
    expect(fewer.masks).toBeUndefined();
  });

  test('with shares that do not give its secret is named', async () => {
    const { cohort, at, list, updates, keyShares, reveals } = await roundOfFive();
    const liar = updates[0] as (typeof updates)[number];
    // Its shares are of another seed than it has committed to.
    const claimed = commitmentOf(new Uint8Array(32));
    const survivors = list.survivors.map((one) => (one.site === liar.site ? { ...one, commitment: claimed } : one));
    const round = {
      list: { ...list, survivors },
      updates: [{ ...liar, commitment: claimed }, ...updates.slice(1)],
      keyShares,
      reveals,
    };

    const recovery = recoverMasks(at, cohort.directory, round);

    expect(recovery).toMatchObject({ masks: undefined, missing: ['site-00'], faults: [{ site: 'site-00' }] });
  });

  test('with shares that were sealed wrongly is named by who opens them', async () => {
    const { cohort, at, list, updates, endorsements, keyShares, identities } = await roundOfFive();
    const [first, ...others] = updates as [(typeof updates)[number]];
    const tampered = { ...first, sealed: { ...first.sealed, 'site-01': first.sealed['site-02'] as string } };
    const own = cohort.own[1] as TestCohort['own'][number];
    const record = { endorsed: listDigest(list), sent: [] };

    const { message, faults } = reveal(own, at, cohort.directory, {
      ...{ list, endorsements, keyShares, identities, record },
      updates: [tampered, ...others],
    });

    expect(faults).toEqual(['Secure aggregation: a sealed share is not for this site and round.']);
    expect(Object.keys(message.content.self)).toEqual(['site-01', 'site-02', 'site-03']);
    expect(Object.keys(message.content.keys)).toEqual(['site-04']);
  });

  test('by a second update, or a copy of another’s commitment, does not change which shares are opened', async () => {
    const { cohort, at, list, updates, endorsements, keyShares, identities } = await roundOfFive();
    const [first, second] = updates as [(typeof updates)[number], (typeof updates)[number]];
    const own = cohort.own[1] as TestCohort['own'][number];
    const round = { list, endorsements, keyShares, identities, record: { endorsed: listDigest(list), sent: [] } };
    const opened = (all: typeof updates) => reveal(own, at, cohort.directory, { ...round, updates: all });
    const other = { ...first, commitment: commitmentOf(new Uint8Array(32)) };
    const copy = { ...second, commitment: first.commitment };

    expect(opened([other, copy, ...updates])).toEqual(opened(updates));
  });

  test('is missed by name where its update or its key shares did not come', async () => {
    const { cohort, at, list, updates, endorsements, keyShares, identities } = await roundOfFive();
    const own = cohort.own[1] as TestCohort['own'][number];
    const record = { endorsed: listDigest(list), sent: [] };

    const { message, faults } = reveal(own, at, cohort.directory, {
      ...{ list, endorsements, identities, record },
      updates: updates.slice(1),
      keyShares: keyShares.slice(0, 4),
    });

    expect(faults).toEqual([
      'Secure aggregation: the update of site-00 is missing.',
      'Secure aggregation: the key shares of site-04 are missing.',
    ]);
    expect(Object.keys(message.content.self)).toEqual(['site-01', 'site-02', 'site-03']);
    expect(message.content.keys).toEqual({});
  });

  test('is not blamed for an error of this program', async () => {
    const { cohort, at, list, updates, endorsements, keyShares, identities } = await roundOfFive();
    const own = cohort.own[1] as TestCohort['own'][number];
    const round = {
      list,
      endorsements,
      updates,
      keyShares,
      identities,
      record: { endorsed: listDigest(list), sent: [] },
    };
    const incomplete = new Map([...cohort.directory].slice(1));

    expect(() => reveal(own, at, incomplete, round)).toThrow('The directory lacks site-00');
  });

  test('cannot replay messages of another round, stage or cohort', async () => {
    const { cohort, at, sent, list, answers, identities } = await roundOfFive();
    const other = createCohort(5, { rounds: 2, stage: 'probe' });
    const second = { ...at, round: 2 };
    const message = sent.get(0)?.message as never;

    expect(() => checkedUpdate(second, message, identities)).toThrow(/another round/);
    expect(() => checkedReveal({ ...list, round: 2 }, answers[0]?.message as never, identities)).toThrow(
      /another list/,
    );
    expect(() => keyDirectory(cohort.cohort, other.keys, other.identities)).toThrow(
      /another campaign, stage, plan or attempt/,
    );
    expect(() => checkedKeyShares(cohort.cohort, other.shares[0] as never, other.identities)).toThrow(/for others/);
    const [own] = cohort.own as [TestCohort['own'][number]];
    const channel = openChannel(own, cohort.cohort, cohort.directory);
    // A share of round 1 is not one of round 2: its digest differs.
    const shares = checkedKeyShares(at.cohort, cohort.shares[4] as never, identities);
    const opened = [at, second].map((one) => openKeyShare(own, one, channel, shares));
    expect(opened[0]).not.toEqual(opened[1]);
    expect(() => openKeyShare(own, { ...at, round: 3 }, channel, shares)).toThrow(/no round 3/);
  });

  test('cannot change what another has signed, nor sign for it', async () => {
    const { cohort, at, sent, identities } = await roundOfFive();
    const message = sent.get(0)?.message as NonNullable<ReturnType<typeof sent.get>>['message'];
    const stranger = generateKeyPairSync('ed25519');
    const forgeries = [
      { ...message, content: { ...message.content, weights: '0'.repeat(64) } },
      { ...message, signature: message.signature.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')) },
      { ...message, signature: '' },
      signed('update', message.content, stranger.privateKey),
      signed('keys', message.content, cohort.own[0]?.signingKey as never),
    ];

    for (const forged of forgeries) expect(() => checkedUpdate(at, forged, identities)).toThrow(/signature of site-00/);
    const unknown = signed('update', { ...message.content, site: 'site-99' }, stranger.privateKey);
    expect(() => checkedUpdate(at, unknown, identities)).toThrow(/identity of "site-99" is not known/);
  });

  test('cannot publish keys that everybody could agree with, or another’s', () => {
    const cohort = createCohort(3);
    const [first] = cohort.keys as [(typeof cohort.keys)[number]];
    const own = cohort.own[0] as TestCohort['own'][number];
    const withKeys = (maskKeys: readonly string[], channelKey = first.content.channelKey) =>
      keyDirectory(
        cohort.cohort,
        [signed('keys', { ...first.content, maskKeys, channelKey }, own.signingKey), ...cohort.keys.slice(1)],
        cohort.identities,
      );
    for (const u of SMALL_ORDER.flatMap((u) => [u, u + P].filter((one) => one < 2n ** 255n))) {
      for (const top of [0n, 2n ** 255n]) {
        const weak = Buffer.from((u + top).toString(16).padStart(64, '0'), 'hex')
          .reverse()
          .toString('base64');
        // Every secret has the same result with it, which OpenSSL refuses.
        expect(() => agreedSecret(generateKeyPairSync('x25519').privateKey, weak, ['test'])).toThrow(/unusable/);
        expect(() => withKeys([weak])).toThrow(/everybody could agree with/);
        expect(() => withKeys(first.content.maskKeys, weak)).toThrow(/everybody could agree with/);
      }
    }
    expect(() => withKeys(cohort.keys[1]?.content.maskKeys as readonly string[])).toThrow(/same key/);
    expect(() => withKeys([])).toThrow(/0 rounds only/);
    expect(() => withKeys(['short'])).toThrow(/32 bytes/);
  });
});

function listOf(at: SecureRound, members: readonly number[], commitments: readonly string[]): SurvivorList {
  const survivors = members.map((i) => ({ site: at.cohort.sites[i] as string, commitment: commitments[i] as string }));
  return { ...survivorList(at, []), survivors };
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
