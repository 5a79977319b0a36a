import { describe, expect, test } from 'vitest';
import { collect } from '../async.ts';
import { type FederationKey, federationKeys } from '../federation/keys.ts';
import { commitSchema, type Summary, sealSchema } from '../federation/schemas.ts';
import { TEACHER_STAGE } from '../federation/testing.ts';
import { canonicalJson } from '../json.ts';
import { readJson, tryReadJson } from '../storage/documents.ts';
import { readSummaries } from '../storage/summaries.ts';
import { DENIED, PERMANENT, type RefusalName, withUnreadable } from '../storage/testing-unreadable.ts';
import { listAnswers } from './answer-keys.ts';
import { closeRound } from './close-round.ts';
import { ableSites, suspicions } from './participants.ts';
import { roundStatus } from './round-status.ts';
import { answer, crashingBeforeCommit, type OpenRound, openRoundOf, ROUND } from './testing.ts';

const SITES = ['berlin', 'hamburg', 'munich'];
const ALL = [...DENIED, ...PERMANENT];

async function answeredRound(sites: readonly string[] = SITES): Promise<OpenRound> {
  const round = await openRoundOf(SITES);
  for (const site of sites) await answer(round, site, [1, 2]);
  return round;
}

/** The same round, in which what `refusalOf` names cannot be read. */
const unreadable = (round: OpenRound, refusalOf: (key: FederationKey) => RefusalName | undefined): OpenRound => ({
  ...round,
  context: { ...round.context, federationStore: withUnreadable(round.context.federationStore, refusalOf) },
});

async function refusals({ store, open }: OpenRound) {
  return (await listAnswers(store, open)).filter(({ unusable }) => unusable === 'refused').map(({ site }) => site);
}

async function sealed({ store }: OpenRound) {
  const seal = await readJson(store, federationKeys.seal(ROUND), sealSchema);
  return { sites: seal.value.updates.map(({ site }) => site), failed: seal.value.failed };
}

const OBJECTS = [
  ['metadata', '.update.json'],
  ['weights', '.safetensors'],
] as const;

describe.each(OBJECTS)("a site's unreadable %s", (_, suffix) => {
  const of = (site: string, refusal: RefusalName) => (key: FederationKey) =>
    key.startsWith(federationKeys.siteUpdates(ROUND, site)) && key.endsWith(suffix) ? refusal : undefined;

  test.each(ALL)('stop no round: %s', async (refusal) => {
    const round = unreadable(await answeredRound(), of('berlin', refusal));

    expect(await closeRound(round.context, ROUND)).toBe('committed');

    const { sites, failed } = await sealed(round);
    expect(sites).toEqual(['hamburg', 'munich']);
    expect(failed).toMatchObject([{ site: 'berlin', reason: expect.stringMatching(/cannot be read: /) }]);
  });

  test('are refused for good only if no right can make them readable', async () => {
    for (const refusal of ALL) {
      const round = unreadable(await answeredRound(), of('berlin', refusal));
      await closeRound(round.context, ROUND);

      expect(await refusals(round)).toEqual(PERMANENT.includes(refusal) ? ['berlin'] : []);
    }
  });

  test.each([...ALL, 'an outage', 'a wrong access key'] as const)(
    'decide nothing if of all sites: %s',
    async (refusal) => {
      const round = unreadable(await answeredRound(), (key) =>
        key.startsWith('updates/') && key.endsWith(suffix) ? refusal : undefined,
      );

      await expect(closeRound(round.context, ROUND)).rejects.toThrow('read s3://');

      expect(await refusals(round)).toEqual([]);
      expect(await tryReadJson(round.store, federationKeys.seal(ROUND), sealSchema)).toBeUndefined();
    },
  );

  test('do not end a campaign that another right could save', async () => {
    const round = unreadable(
      await answeredRound(),
      (key) => of('berlin', 'a KMS key of others')(key) ?? of('munich', 'GLACIER')(key),
    );

    await expect(closeRound(round.context, ROUND)).rejects.toThrow('kms:Decrypt');

    expect(await round.store.head(federationKeys.outcome(ROUND.campaign))).toBeUndefined();
  });

  test('end a campaign that lacks usable updates for good', async () => {
    const round = unreadable(
      await answeredRound(),
      (key) => of('berlin', 'SSE-C')(key) ?? of('munich', 'GLACIER')(key),
    );

    expect(await closeRound(round.context, ROUND)).toBe('failed');
  });
});

/** A round that is sealed, but not committed, and whose update of berlin can no longer be read. */
async function sealedRound(): Promise<OpenRound> {
  const round = await answeredRound();
  await expect(closeRound(crashingBeforeCommit(round), ROUND)).rejects.toThrow('crash');
  return unreadable(round, (key) =>
    key.startsWith(federationKeys.siteUpdates(ROUND, 'berlin')) ? 'a KMS key of others' : undefined,
  );
}

test('what cannot be read after the seal stops no commit', async () => {
  const round = await sealedRound();

  expect(await closeRound(round.context, ROUND)).toBe('committed');

  const commit = await readJson(round.store, federationKeys.commit(ROUND), commitSchema);
  expect(commit.value.sites).toEqual(SITES);
});

test('what cannot be read after the seal ends no campaign whose merged model is lost', async () => {
  const round = await sealedRound();
  for await (const { key } of round.store.list(federationKeys.models(ROUND))) {
    await round.store.delete(key);
  }

  await expect(closeRound(round.context, ROUND)).rejects.toThrow('kms:Decrypt');

  expect(await round.store.head(federationKeys.outcome(ROUND.campaign))).toBeUndefined();
});

test('the status of an open round says what cannot be read', async () => {
  const berlin = federationKeys.siteUpdates(ROUND, 'berlin');
  const round = unreadable(await answeredRound(['berlin', 'munich']), (key) =>
    key.startsWith(berlin) ? 'a KMS key of others' : undefined,
  );
  const answers = await listAnswers(round.store, round.open);

  const status = await roundStatus(
    round.context,
    { at: ROUND, phase: 'open', sentAt: undefined, open: round.open, answers },
    [],
  );

  expect(status).toMatchObject({ updated: ['munich'], waitingFor: ['hamburg'] });
  expect(status.failed).toMatchObject([{ site: 'berlin', reason: expect.stringContaining('kms:Decrypt') }]);
});

describe("a site's unreadable summary", () => {
  const summary = (site: string): Summary => ({
    schema: 'fedcardio.summary/1',
    site,
    at: '2026-01-01T00:00:00.000Z',
    cases: { training: 4, evaluation: 1, rejected: 0, suspected: 1 },
    labelled: { 'hinge-points': 4 },
    labelledEvaluation: {},
  });

  async function counted(refusalOf: (site: string) => RefusalName | undefined) {
    const round = await openRoundOf(SITES);
    for (const site of SITES) await round.store.put(federationKeys.summary(site), canonicalJson(summary(site)));
    return unreadable(round, (key) => {
      const site = SITES.find((site) => key === federationKeys.summary(site));
      return site === undefined ? undefined : refusalOf(site);
    });
  }
  const able = ({ context }: OpenRound) => ableSites(context, ROUND.campaign, TEACHER_STAGE, undefined);

  test.each(ALL)('leaves out its own site alone: %s', async (refusal) => {
    const round = await counted((site) => (site === 'berlin' ? refusal : undefined));

    const { able: found, unread } = await able(round);
    const { counts, unreadable } = await readSummaries(round.context.federationStore);

    expect(found.map(({ site }) => site)).toEqual(['hamburg', 'munich']);
    expect(unread).toHaveLength(DENIED.includes(refusal) ? 1 : 0);
    expect(round.logged).toMatchObject([
      { event: 'summary-unreadable', fields: { site: 'berlin', reason: expect.stringMatching(/Cannot read s3:/) } },
    ]);
    expect([...counts.keys()]).toEqual(['hamburg', 'munich']);
    expect(unreadable).toMatchObject([{ site: 'berlin', reason: expect.stringMatching(/Cannot read s3:/) }]);
    const listing = await collect(round.context.federationStore.list(federationKeys.summaryPrefix));
    expect((await suspicions(round.context, listing)).map(({ site }) => site)).toEqual(['hamburg', 'munich']);
  });

  test.each([...ALL, 'an outage'] as const)('is an error if of all sites: %s', async (refusal) => {
    const round = await counted(() => refusal);

    await expect(able(round)).rejects.toThrow('read s3://');
    await expect(readSummaries(round.context.federationStore)).rejects.toThrow('read s3://');
    const listing = await collect(round.context.federationStore.list(federationKeys.summaryPrefix));
    await expect(suspicions(round.context, listing)).rejects.toThrow('read s3://');
  });

  test('refuses no update for good that claims more cases than its site had', async () => {
    const round = await counted((site) => (site === 'berlin' ? 'a KMS key of others' : undefined));
    for (const site of SITES) await answer(round, site, [1, 2], site === 'berlin' ? { samples: 5 } : {});

    expect(await closeRound(round.context, ROUND)).toBe('committed');

    expect(await refusals(round)).toEqual([]);
    expect((await sealed(round)).sites).toEqual(['hamburg', 'munich']);
  });
});
