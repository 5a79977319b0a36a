import { beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../../lib/async.ts';
import { type FederationKey, federationKeys, parseRoundKey } from '../../lib/federation/keys.ts';
import {
  type Campaign,
  commitSchema,
  openSchema,
  outcomeSchema,
  planSchema,
  type Stage,
  sealSchema,
} from '../../lib/federation/schemas.ts';
import { canonicalJson } from '../../lib/json.ts';
import { closeRound } from '../../lib/protocol/close-round.ts';
import { verifyCampaign } from '../../lib/protocol/verify-campaign.ts';
import { readJson } from '../../lib/storage/documents.ts';
import { withUnreadable } from '../../lib/storage/testing-unreadable.ts';
import { encodeSafetensors } from '../../lib/weights/safetensors.ts';
import { campaignWith, smallCampaignWith } from './simulated-campaign.ts';
import { type SimulatedFederation, simulateFederation } from './simulated-federation.ts';

const SITES = [
  { id: 'berlin', samples: 3, behaviour: 'good' },
  { id: 'munich', samples: 9, behaviour: 'good' },
] as const;
const FIRST = { campaign: 'tavi', stage: 'teacher/hinge-points', round: 1 };
const SECOND = { ...FIRST, round: 2 };

let world: SimulatedFederation;

beforeEach(async () => {
  world = simulateFederation(SITES);
  const { stages, ...campaign } = campaignWith({ deadlineSeconds: 86_400 });
  const aggregation = { strategy: 'fedavg' } as const;
  await world.upload({
    ...campaign,
    stages: stages.map((stage) => ('rounds' in stage ? { ...stage, aggregation } : stage)),
  });
  for (let next = world.pending.shift(); next; next = world.pending.shift()) await world.deliver(next);
});

const commitOf = async (at: typeof FIRST) =>
  (await readJson(world.context.federationStore, federationKeys.commit(at), commitSchema)).value;
const sealOf = async (at: typeof FIRST) =>
  (await readJson(world.context.federationStore, federationKeys.seal(at), sealSchema)).value;
const overwrite = (key: FederationKey, value: Uint8Array | string) => world.context.federationStore.put(key, value);
/** Gives the plan another campaign. */
async function changePlanned(change: (campaign: Campaign) => unknown): Promise<void> {
  const { campaign, ...plan } = (await readJson(world.context.federationStore, federationKeys.plan('tavi'), planSchema))
    .value;
  await overwrite(federationKeys.plan('tavi'), canonicalJson({ ...plan, campaign: change(campaign) }));
}

/** All faults, with stage and round. */
async function faults(): Promise<readonly string[]> {
  const { faults: plan, rounds } = await verifyCampaign(world.context.federationStore, 'tavi');
  return [...plan, ...rounds.flatMap(({ at, faults }) => faults.map((fault) => `${at.stage} ${at.round}: ${fault}`))];
}

const weights = (value: number) =>
  encodeSafetensors(new Map([['w', { dtype: 'F32', shape: [3], data: Float32Array.of(value, value, value) }]]));

describe('verifyCampaign', () => {
  test('finds no fault in a sound campaign and writes nothing', async () => {
    const before = [...world.writes];
    const seen: string[] = [];

    const { rounds } = await verifyCampaign(world.context.federationStore, 'tavi', {
      onRound: ({ at }, done, total) => seen.push(`${done}/${total} ${at.stage} ${at.round}`),
    });

    expect(await faults()).toEqual([]);
    expect(rounds).toHaveLength(7);
    expect(seen.at(0)).toBe('1/7 teacher/hinge-points 1');
    expect([...world.writes]).toEqual(before);
  });

  test('finds no fault in a campaign with the path of its JSON Schema, whose quorums the federation raised', async () => {
    world = simulateFederation(SITES);
    const { federation } = world.context;
    const context = { ...world.context, federation: { ...federation, minSites: 2 } };
    await world.upload({ ...smallCampaignWith({ deadlineSeconds: 86_400 }), $schema: './campaign.schema.json' });
    for (let next = world.pending.shift(); next; next = world.pending.shift()) await world.deliver(next, { context });

    expect(await faults()).toEqual([]);
  });

  test('finds a plan with other terms than its campaign.json', async () => {
    await changePlanned((campaign) => ({ ...campaign, seed: 7 }));

    expect(await faults()).toContain('plan.json does not match campaign.json');
  });

  test('finds weights that were changed after the seal', async () => {
    const update = (await sealOf(FIRST)).updates[0]!;
    await overwrite(update.weights!.key, weights(7));

    expect(await faults()).toEqual([
      expect.stringMatching(/^teacher\/hinge-points 1: berlin: the weights have SHA-256 /),
    ]);
  });

  test('names the round and the sites alone whose updates are unreadable, replaced or gone', async () => {
    const [berlin, munich] = (await sealOf(FIRST)).updates;
    await overwrite(berlin!.key, '{');
    await overwrite(berlin!.weights!.key, 'x');
    await world.context.federationStore.delete(munich!.key);

    expect(await faults()).toEqual([
      expect.stringMatching(/^teacher\/hinge-points 1: berlin: .*update\.json is not JSON/),
      expect.stringMatching(/^teacher\/hinge-points 1: munich: There is no s3:.*update\.json\.$/),
      expect.stringMatching(/^teacher\/hinge-points 1: berlin: .*safetensors has 1 bytes, not the 76 /),
      'teacher/hinge-points 1: the figures are not the means of its updates',
    ]);
  });

  test('finds a changed model although its updates cannot be merged again', async () => {
    await overwrite((await sealOf(SECOND)).updates[0]!.weights!.key, 'x');
    await overwrite((await commitOf(SECOND)).global!.key, weights(7));

    expect(await faults()).toContain(
      'teacher/hinge-points 2: the model in the bucket is not the one that commit.json names',
    );
  });

  test('does not blame a round for the unreadable commit before it', async () => {
    await overwrite(federationKeys.commit(FIRST), '{');

    expect(await faults()).toEqual([expect.stringMatching(/^teacher\/hinge-points 1: .*commit\.json is not JSON/)]);
  });

  test('finds no fault in a round that was committed after a crash', async () => {
    const { federationStore } = world.context;
    await federationStore.delete(federationKeys.outcome('tavi'));
    await federationStore.delete(federationKeys.commit(SECOND));

    // The lease is free by then.
    world.advanceClock(700);
    expect(await closeRound(world.context, SECOND)).toBe('committed');

    expect((await commitOf(SECOND)).norms).toHaveLength(2);
    expect(await faults()).toEqual([]);
  });

  test("finds an update's changed metadata", async () => {
    const update = (await sealOf(FIRST)).updates[0]!;
    const { body } = await world.context.federationStore.get(update.key);
    const changed = { ...JSON.parse(Buffer.from(body).toString()), samples: 8 };
    await overwrite(update.key, canonicalJson(changed));

    expect(await faults()).toEqual(
      expect.arrayContaining([
        "teacher/hinge-points 1: berlin: the update's metadata has changed since it was sealed",
        'teacher/hinge-points 1: berlin: seal.json counts a different number of samples',
      ]),
    );
  });

  test('finds a model that its updates do not merge to', async () => {
    const { global } = await commitOf(FIRST);
    await overwrite(global!.key, weights(7));

    expect(await faults()).toContain(
      'teacher/hinge-points 1: the model in the bucket is not the one that commit.json names',
    );
  });

  test('finds a rewritten commit by the hash in the next link', async () => {
    await overwrite(federationKeys.commit(FIRST), canonicalJson({ ...(await commitOf(FIRST)), samples: 99 }));

    expect(await faults()).toEqual([
      'teacher/hinge-points 1: commit.json counts a different number of samples than seal.json',
      'teacher/hinge-points 2: open.json does not start from the model of the previous round',
      'teacher/hinge-points 2: open.json does not name the previous link',
      'teacher/hinge-points 2: commit.json does not name the previous link',
    ]);
  });

  test.each([
    ['with fewer defaults', ['shareFactor']],
    ['without defaults', ['shareFactor', 'clipFactor']],
  ])("accepts the plan of an older release %s, and a quorum that the federation's minimum raised", async (_, later) => {
    const older = (stage: Stage) => {
      if (!('aggregation' in stage)) return stage;
      const known = Object.entries(stage.aggregation).filter(([name]) => !later.includes(name));
      const aggregation = Object.fromEntries(known);
      return { ...stage, aggregation, quorum: { ...stage.quorum, minSites: 2 } };
    };
    await changePlanned(({ stages, ...campaign }) => ({ ...campaign, stages: stages.map(older) }));

    expect(await faults()).not.toContain('plan.json does not match campaign.json');
  });

  test('finds a plan with other terms than campaign.json', async () => {
    const clipped = (stage: Stage) =>
      'aggregation' in stage ? { ...stage, aggregation: { ...stage.aggregation, clipFactor: 100 } } : stage;
    await changePlanned(({ stages, ...campaign }) => ({ ...campaign, stages: stages.map(clipped) }));

    expect(await faults()).toContain('plan.json does not match campaign.json');
  });

  test('finds a plan with a stage more than campaign.json', async () => {
    await changePlanned(({ stages, ...campaign }) => ({
      ...campaign,
      stages: [...stages, { ...stages[0], name: 'another' }],
    }));

    expect(await faults()).toContain('plan.json does not match campaign.json');
  });

  test.each([
    ['in another order', ([first, second]: readonly unknown[]) => [second, first]],
    ['twice', ([first, second]: readonly unknown[]) => [first, first, second]],
  ])('finds a seal that names its updates %s', async (_, change) => {
    const seal = await sealOf(FIRST);
    await overwrite(federationKeys.seal(FIRST), canonicalJson({ ...seal, updates: change(seal.updates) }));

    expect(await faults()).toEqual(
      expect.arrayContaining([
        'teacher/hinge-points 1: seal.json does not list one update per site, sorted by site',
        'teacher/hinge-points 1: commit.json does not name seal.json',
        'teacher/hinge-points 1: commit.json lists other sites than seal.json',
      ]),
    );
  });

  test('ends with an error if the storage refuses an update, which is no fault of the round', async () => {
    const [update] = (await sealOf(FIRST)).updates;
    const store = withUnreadable(world.context.federationStore, (key) =>
      key === update?.weights?.key ? 'a KMS key of others' : undefined,
    );

    await expect(verifyCampaign(store, 'tavi')).rejects.toMatchObject({ code: 'STORAGE' });
  });

  test('finds norms that are not those of the updates', async () => {
    const { norms, ...rest } = await commitOf(FIRST);
    expect(norms?.map(({ site, factor }) => [site, factor])).toEqual([
      ['berlin', 1],
      ['munich', 1],
    ]);

    for (const changed of [rest, { ...rest, norms: norms!.map((entry) => ({ ...entry, factor: 0.5 })) }]) {
      await overwrite(federationKeys.commit(FIRST), canonicalJson(changed));
      expect(await faults()).toContain('teacher/hinge-points 1: the norms are not those of its updates');
    }
  });

  test('finds a seal that names a site which does not participate', async () => {
    const open = (await readJson(world.context.federationStore, federationKeys.open(SECOND), openSchema)).value;
    const participants = open.participants.filter(({ site }) => site !== 'munich');
    await overwrite(federationKeys.open(SECOND), canonicalJson({ ...open, participants }));

    expect(await faults()).toEqual(
      expect.arrayContaining([
        'teacher/hinge-points 2: seal.json does not name open.json',
        'teacher/hinge-points 2: seal.json lists sites that are not participants',
        'teacher/hinge-points 2: munich: munich takes no part in this round',
      ]),
    );
  });

  test('finds missing and unreadable objects and continues', async () => {
    await world.context.federationStore.delete(federationKeys.seal(FIRST));
    await overwrite(federationKeys.open({ ...FIRST, stage: 'control' }), '{');

    expect(await faults()).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^teacher\/hinge-points 1: There is no s3:.*seal\.json\.$/),
        expect.stringMatching(/^control 1: campaigns\/tavi\/control\/0001\/open\.json is not JSON/),
      ]),
    );
  });

  test('finds a campaign.json that differs from the planned one', async () => {
    await overwrite(federationKeys.campaign('tavi'), JSON.stringify(campaignWith({ minSites: 2 })));

    expect(await faults()).toEqual(['campaign.json is missing or has changed since it was planned']);
  });

  test("knows how the campaign ended, and that an older release's outcome names no commit", async () => {
    const { federationStore } = world.context;
    const outcome = (await readJson(federationStore, federationKeys.outcome('tavi'), outcomeSchema)).value;
    expect((await verifyCampaign(federationStore, 'tavi')).status).toBe('completed');

    const { commits, ...older } = outcome;
    await overwrite(federationKeys.outcome('tavi'), canonicalJson(older));
    expect(commits).toHaveLength(5);
    expect(await faults()).toEqual([]);

    await federationStore.delete(federationKeys.outcome('tavi'));
    expect(await verifyCampaign(federationStore, 'tavi')).toMatchObject({ status: 'running', faults: [] });
  });

  test('finds no fault in a campaign that ends meanwhile', async () => {
    const { federationStore } = world.context;
    const last = [federationKeys.commit({ ...FIRST, stage: 'evaluate' }), federationKeys.outcome('tavi')];
    const bodies = await Promise.all(last.map(async (key) => (await federationStore.get(key)).body));
    for (const key of last) await federationStore.delete(key);
    let ending: Promise<unknown> | undefined;

    const verified = verifyCampaign(federationStore, 'tavi', {
      onRound: () => {
        ending ??= Promise.all(last.map((key, index) => overwrite(key, bodies[index] as Uint8Array)));
      },
    });

    expect(await verified).toMatchObject({ status: 'running', faults: [] });
    await ending;
    expect(await verifyCampaign(federationStore, 'tavi')).toMatchObject({ status: 'completed', faults: [] });
  });

  describe('finds what is missing or was changed at the end:', () => {
    const remove = (key: FederationKey) => world.context.federationStore.delete(key);
    const change = async (key: FederationKey, fields: object) => {
      const { body } = await world.context.federationStore.get(key);
      await overwrite(key, canonicalJson({ ...JSON.parse(Buffer.from(body).toString()), ...fields }));
    };
    const outcome = federationKeys.outcome('tavi');
    const rounds = async () =>
      (await collect(world.context.federationStore.list(federationKeys.campaignPrefix('tavi')))).filter(({ key }) =>
        parseRoundKey(key),
      );

    test('every round', async () => {
      for (const { key } of await rounds()) await remove(key);

      expect(await faults()).toContain('outcome.json says that the campaign completed, but control has not');
    });

    test('a stage', async () => {
      for (const { key } of await rounds()) if (parseRoundKey(key)?.at.stage === 'control') await remove(key);

      expect(await faults()).toEqual([
        'evaluate has begun, but control has not completed',
        'outcome.json says that the campaign completed, but control has not',
      ]);
    });

    test('a stage that another needs, while the campaign runs', async () => {
      await remove(outcome);
      for (const { key } of await rounds()) if (parseRoundKey(key)?.at.stage === FIRST.stage) await remove(key);

      expect(await faults()).toContainEqual(expect.stringContaining(`has begun, but ${FIRST.stage} has not completed`));
    });

    test('the terms of any round', async () => {
      const terms = (await rounds()).filter(({ key }) => key.endsWith('/open.json'));
      expect(terms).toHaveLength(7);

      for (const { key } of terms) {
        const { body } = await world.context.federationStore.get(key);
        await remove(key);
        const { stage, round } = parseRoundKey(key)?.at ?? FIRST;
        expect(await faults()).toContain(`${stage} round ${round} has no terms, or no round before it`);
        await overwrite(key, body);
      }
      expect(await faults()).toEqual([]);
    });

    test('any commit', async () => {
      for (const { key } of (await rounds()).filter(({ key }) => key.endsWith('/commit.json'))) {
        const { body } = await world.context.federationStore.get(key);
        await remove(key);
        expect(await faults(), key).not.toEqual([]);
        await overwrite(key, body);

        await change(key, { at: '2020-01-01T00:00:00.000Z' });
        expect(await faults(), key).not.toEqual([]);
        await overwrite(key, body);
      }
      expect(await faults()).toEqual([]);
    });

    test.each([
      [
        { status: 'failed', reason: 'forged' },
        'outcome.json says that the campaign failed, but all its stages have completed',
      ],
      [{ commits: [] }, 'outcome.json does not name the last commit of control'],
      [
        { commits: [{ stage: 'control', sha256: 'a'.repeat(64) }] },
        'outcome.json does not name the last commit of control',
      ],
      [{ commits: 'none' }, expect.stringMatching(/outcome\.json.*commits/)],
    ])('an outcome with %j', async (fields, fault) => {
      await change(outcome, fields);

      expect(await faults()).toContainEqual(fault);
    });

    test('what a round says that it merged', async () => {
      await change(federationKeys.merged(FIRST), { global: (await commitOf(SECOND)).global });
      await remove(federationKeys.merged(SECOND));

      expect(await faults()).toEqual([
        'teacher/hinge-points 1: merged.json names another model than commit.json',
        expect.stringMatching(/^teacher\/hinge-points 2: There is no s3:.*merged\.json\.$/),
      ]);
    });
  });

  test('rejects an unknown campaign', async () => {
    await expect(verifyCampaign(world.context.federationStore, 'nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
