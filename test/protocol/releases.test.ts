import { describe, expect, test } from 'vitest';
import type { HandlerContext } from '../../handlers/context.ts';
import { sweep } from '../../handlers/sweep.ts';
import { type FederationKey, federationKeys } from '../../lib/federation/keys.ts';
import { outcomeSchema, sealSchema, updateSchema } from '../../lib/federation/schemas.ts';
import { canonicalJson } from '../../lib/json.ts';
import { pauseCampaign, resumeCampaign } from '../../lib/protocol/control.ts';
import { campaignStatus } from '../../lib/protocol/status.ts';
import { verifyCampaign } from '../../lib/protocol/verify-campaign.ts';
import type { FederationStore } from '../../lib/storage/contract.ts';
import { readJson, tryReadJson } from '../../lib/storage/documents.ts';
import { asFederationRole } from '../helpers/roles.ts';
import { expectPlainMerges } from './plain-merges.ts';
import { campaignWith, QUORUM, smallCampaignWith } from './simulated-campaign.ts';
import { type Delivery, type SimulatedFederation, simulateFederation } from './simulated-federation.ts';
import type { SimulatedSite } from './simulated-site.ts';

/** Sites and a coordinator of different releases. */

const SITES: readonly SimulatedSite[] = ['berlin', 'hamburg', 'munich'].map((id, i) => ({
  id,
  samples: i + 1,
  behaviour: 'good',
}));
const FIRST = { campaign: 'tavi', stage: 'teacher', round: 1 };

type Change = (document: Record<string, unknown>) => Record<string, unknown>;

/** Records whose keys are names, not fields. */
const NAMED = new Set(['figures', 'models']);

/** Adds what a later release could add: a key to every object, with a name that no prototype has and one that all have. */
const withUnknownKeys: Change = (document) => {
  const inside = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(inside);
    return typeof value === 'object' && value !== null ? withUnknownKeys(value as Record<string, unknown>) : value;
  };
  const entries = Object.entries(document).map(([key, value]) => [key, NAMED.has(key) ? value : inside(value)]);
  return { ...Object.fromEntries(entries), constructor: { since: 2 }, ofTomorrow: [null, { a: 1 }] };
};

/** As a release with one more major version writes it: this one reads two of messages. */
const ofNextMajor: Change = (document) => ({
  ...document,
  schema: String(document.schema).replace(/\d+$/, String(document.schema) === 'fedcardio.task/1' ? '3' : '2'),
});

const changed = (body: string | Uint8Array, change: Change): string =>
  canonicalJson(change(JSON.parse(Buffer.from(body).toString())));

/**
 * A context of another release: it changes every document and message that it writes. `dies` names documents after whose
 * creation the process dies, because it would go on with the hash of what it had before the change.
 */
function ofRelease(context: HandlerContext, change: Change, dies: (key: string) => boolean = () => false) {
  const { federationStore, queues } = context;
  const body = (key: string, bytes: string | Uint8Array) => (key.endsWith('.json') ? changed(bytes, change) : bytes);
  return {
    ...context,
    federationStore: {
      ...federationStore,
      put: (key, bytes, ...rest) => federationStore.put(key, body(key, bytes), ...rest),
      putIfAbsent: async (key, bytes) => {
        const result = await federationStore.putIfAbsent(key, body(key, bytes));
        if (result === 'created' && dies(key)) throw new Error(`killed after ${key}`);
        return result;
      },
    } satisfies FederationStore,
    queues: { ...queues, send: (queue: string, text: string) => queues.send(queue, changed(text, change)) },
  };
}

const siteOf = (delivery: Delivery): string | undefined =>
  delivery.kind === 'task' ? delivery.message.site : /-([a-z]+)-tasks$/.exec(delivery.queue)?.[1];

/** Delivers all until nothing is pending. A delivery that fails is repeated, at most three times. */
async function deliverAll(
  world: SimulatedFederation,
  contextOf: (site: string | undefined) => HandlerContext = () => world.context,
): Promise<void> {
  for (let next = world.pending.shift(); next; next = world.pending.shift()) {
    const delivered = await world.deliver(next, { context: contextOf(siteOf(next)) });
    if (!delivered && next.kind === 'message' && next.failures < 3) {
      world.pending.push({ ...next, failures: next.failures + 1 });
    }
  }
}

const outcomeOf = async ({ context }: SimulatedFederation, campaign = 'tavi') =>
  (await tryReadJson(context.federationStore, federationKeys.outcome(campaign), outcomeSchema))?.value;

async function patch(world: SimulatedFederation, key: FederationKey, change: Change): Promise<void> {
  const { federationStore } = world.context;
  await federationStore.put(key, changed((await federationStore.get(key)).body, change));
}

const failuresIn = (world: SimulatedFederation) =>
  world.log
    .filter(({ event }) => event === 'sweep-failed' || event === 'record-failed')
    .map(({ fields }) => String(fields.reason));

async function faultsOf(world: SimulatedFederation): Promise<readonly string[]> {
  const { faults, rounds } = await verifyCampaign(world.context.federationStore, 'tavi');
  return [...faults, ...rounds.flatMap((round) => round.faults)];
}

describe('unknown keys in all that is written', () => {
  test.each(['by a site', 'by the coordinator', 'by both'])('%s change nothing', async (by) => {
    const world = simulateFederation(SITES);
    const coordinator = ofRelease(world.context, withUnknownKeys, (key) => /\/(plan|seal)\.json$/.test(key));
    const munich = ofRelease(world.context, withUnknownKeys);
    await world.upload(campaignWith(QUORUM));
    if (by !== 'by the coordinator') await patch(world, federationKeys.summary('munich'), withUnknownKeys);
    await pauseCampaign(by === 'by a site' ? world.context : coordinator, 'tavi');
    await resumeCampaign(by === 'by a site' ? world.context : coordinator, 'tavi');

    await deliverAll(world, (site) => {
      if (site === undefined) return by === 'by a site' ? world.context : coordinator;
      return site === 'munich' && by !== 'by the coordinator' ? munich : world.context;
    });

    expect(await outcomeOf(world)).toMatchObject({ status: 'completed' });
    await expectPlainMerges(world, SITES);
    expect(await faultsOf(world)).toEqual([]);
  });

  test('are covered by the hashes: changing one of them breaks the chain', async () => {
    const world = simulateFederation(SITES);
    const coordinator = ofRelease(world.context, withUnknownKeys, (key) => /\/(plan|seal)\.json$/.test(key));
    await world.upload(smallCampaignWith(QUORUM));
    await deliverAll(world, (site) => (site === undefined ? coordinator : world.context));
    expect(await faultsOf(world)).toEqual([]);

    await patch(world, federationKeys.commit(FIRST), (commit) => ({ ...commit, ofTomorrow: 'changed' }));

    expect(await faultsOf(world)).toEqual(expect.arrayContaining(['open.json does not name the previous link']));
  });
});

describe('an update of a newer major version', () => {
  test('refuses its site for the round, which closes without it', async () => {
    const world = simulateFederation(SITES);
    const munich = ofRelease(world.context, ofNextMajor);
    await world.upload(smallCampaignWith(QUORUM));

    await deliverAll(world, (site) => (site === 'munich' ? munich : world.context));

    expect(await outcomeOf(world)).toMatchObject({ status: 'completed' });
    const seal = (await readJson(world.context.federationStore, federationKeys.seal(FIRST), sealSchema)).value;
    expect(seal.updates.map(({ site }) => site)).toEqual(['berlin', 'hamburg']);
    expect(seal.failed).toEqual([
      {
        site: 'munich',
        key: expect.any(String),
        reason: expect.stringMatching(
          /written by a newer release \(fedcardio\.update\/2; this release reads up to fedcardio\.update\/1\)\. Upgrade the coordinator's deployment\.$/,
        ),
      },
    ]);
  });

  test('does not make a round wait that fails without it: one of a site that takes no part', async () => {
    const world = simulateFederation(SITES.map((site) => ({ ...site, behaviour: 'fails' })));
    await world.upload(smallCampaignWith(QUORUM));
    const key = federationKeys.update(FIRST, 'stranger', 'a'.repeat(64));
    await world.context.federationStore.put(key, '{"schema":"fedcardio.update/2"}');

    await deliverAll(world);

    expect(await outcomeOf(world)).toMatchObject({ status: 'failed' });
  });

  test('of every site makes the round wait for the upgrade, which then uses them', async () => {
    const world = simulateFederation(SITES);
    const newer = ofRelease(world.context, ofNextMajor);
    await world.upload(smallCampaignWith(QUORUM));
    await deliverAll(world, (site) => (site === undefined ? world.context : newer));
    world.advanceClock(2 * 86_400);
    await sweep(asFederationRole(world.context, 'sweep'));

    expect(await outcomeOf(world)).toBeUndefined();
    expect(failuresIn(world).at(-1)).toMatch(/newer release.*Upgrade this deployment/);
    const status = await campaignStatus(world.context, 'tavi');
    expect(status?.stages[0]?.rounds[0]?.failed.map(({ site }) => site)).toEqual(['berlin', 'hamburg', 'munich']);

    // The upgraded coordinator reads the updates; here they become readable instead.
    for (const key of world.writes.keys()) {
      if (!key.endsWith('.update.json')) continue;
      await patch(world, key as FederationKey, (update) => ({ ...update, schema: 'fedcardio.update/1' }));
    }
    await deliverAll(world);

    expect(await outcomeOf(world)).toMatchObject({ status: 'completed' });
  });
});

describe('a GPU task message of a newer major version', () => {
  test('is answered by its site, which must upgrade, and the other sites continue', async () => {
    const world = simulateFederation(SITES);
    await world.upload(smallCampaignWith(QUORUM));
    const toMunich: HandlerContext = {
      ...world.context,
      queues: {
        ...world.context.queues,
        send: (queue, text) =>
          world.context.queues.send(queue, queue.includes('munich') ? changed(text, ofNextMajor) : text),
      },
    };

    await deliverAll(world, (site) => (site === undefined ? toMunich : world.context));

    expect(await outcomeOf(world)).toMatchObject({ status: 'completed' });
    const answer = federationKeys.update(FIRST, 'munich', 'failed');
    expect((await readJson(world.context.federationStore, answer, updateSchema)).value).toMatchObject({
      status: 'failed',
      code: 'NEWER_SCHEMA',
      reason: expect.stringMatching(/\(fedcardio\.task\/3;.*\. Upgrade the deployment of site munich\.$/),
    });
    const status = await campaignStatus(world.context, 'tavi');
    expect(status?.stages[0]?.rounds[0]?.failed).toEqual([
      { site: 'munich', reason: expect.stringContaining('Upgrade the deployment of site munich.'), refused: false },
    ]);
  });
});

describe('pauses of a newer major version', () => {
  test('are answered by a site that has to read them, which must upgrade', async () => {
    const world = simulateFederation(SITES);
    await world.upload(smallCampaignWith(QUORUM));
    await pauseCampaign(world.context, 'tavi');
    await resumeCampaign(world.context, 'tavi');
    const tasks: Delivery[] = [];
    for (let next = world.pending.shift(); next; next = world.pending.shift()) {
      if (siteOf(next) === 'munich') tasks.push(next);
      else await world.deliver(next);
    }
    await patch(world, federationKeys.control('tavi'), ofNextMajor);
    // Only a message that is delivered late makes a site read the pauses.
    world.advanceClock(120);

    for (const task of tasks) await world.deliver(task);

    const answer = federationKeys.update(FIRST, 'munich', 'failed');
    expect((await readJson(world.context.federationStore, answer, updateSchema)).value).toMatchObject({
      code: 'NEWER_SCHEMA',
      reason: expect.stringMatching(/control\.json was written by.*\. Upgrade the deployment of site munich\.$/),
    });
  });
});

describe("a document of a newer major version stops its campaign until the coordinator's upgrade", () => {
  /** Documents that a coordinator reads, and how far the campaign has gone. */
  const DOCUMENTS: readonly (readonly [name: string, key: FederationKey, afterWrites: string])[] = [
    ['campaign.json', federationKeys.campaign('tavi'), 'campaign.json'],
    ['plan.json', federationKeys.plan('tavi'), 'plan.json'],
    ['control.json', federationKeys.control('tavi'), 'control.json'],
    ['open.json', federationKeys.open(FIRST), 'open.json'],
    ['seal.json', federationKeys.seal(FIRST), 'seal.json'],
    ['commit.json', federationKeys.commit(FIRST), 'commit.json'],
  ];

  test.each(DOCUMENTS)('%s', async (_, key, name) => {
    const world = simulateFederation(SITES);
    await world.upload(smallCampaignWith(QUORUM));
    if (name === 'control.json') await pauseCampaign(world.context, 'tavi');
    if (name === 'control.json') await resumeCampaign(world.context, 'tavi');
    // The newer release writes the document, and is replaced by this one before it goes on.
    const newer = ofRelease(
      world.context,
      (document) => (document.schema === `fedcardio.${name.replace('.json', '')}/1` ? ofNextMajor(document) : document),
      (written) => written === key,
    );
    if (world.writes.has(key)) await patch(world, key, ofNextMajor);
    while (!world.writes.has(key)) {
      const next = world.pending.shift()!;
      await world.deliver(next, { context: siteOf(next) === undefined ? newer : world.context });
    }

    await deliverAll(world);
    for (let hour = 0; hour < 3; hour++) {
      world.advanceClock(3600);
      await sweep(asFederationRole(world.context, 'sweep'));
      await deliverAll(world);
    }

    expect(await world.context.federationStore.head(federationKeys.outcome('tavi'))).toBeUndefined();
    expect(failuresIn(world).at(-1)).toMatch(
      new RegExp(`${name} was written by a newer release .* Upgrade this deployment of fedcardio\\.$`),
    );

    await patch(world, key, (document) => ({ ...document, schema: String(document.schema).replace(/2$/, '1') }));
    for (let hour = 0; hour < 3; hour++) {
      world.advanceClock(3600);
      await sweep(asFederationRole(world.context, 'sweep'));
      await deliverAll(world);
    }
    expect(await outcomeOf(world)).toMatchObject({ status: 'completed' });
  });

  test('and no other campaign', async () => {
    const world = simulateFederation(SITES);
    await world.upload(smallCampaignWith(QUORUM));
    await world.upload({ ...smallCampaignWith(QUORUM), id: 'aortic' });
    await patch(world, federationKeys.campaign('aortic'), ofNextMajor);

    await deliverAll(world);
    await sweep(asFederationRole(world.context, 'sweep'));

    expect(await outcomeOf(world)).toMatchObject({ status: 'completed' });
    expect(await outcomeOf(world, 'aortic')).toBeUndefined();
  });

  test('summaries of all sites: no round is called impossible', async () => {
    const world = simulateFederation(SITES);
    await world.upload(smallCampaignWith(QUORUM));
    for (const { id } of SITES) await patch(world, federationKeys.summary(id), ofNextMajor);

    await deliverAll(world);
    await sweep(asFederationRole(world.context, 'sweep'));

    expect(await outcomeOf(world)).toBeUndefined();
    expect(failuresIn(world).at(-1)).toMatch(/sites\/berlin\/summary\.json was written by a newer release/);
  });

  test('the summary of one site: it takes no part', async () => {
    const world = simulateFederation(SITES);
    await world.upload(smallCampaignWith(QUORUM));
    await patch(world, federationKeys.summary('berlin'), ofNextMajor);

    await deliverAll(world);

    expect(await outcomeOf(world)).toMatchObject({ status: 'completed' });
    const rounds = [...world.writes.keys()].filter((key) => key.startsWith('updates/berlin/'));
    expect(rounds).toEqual([]);
  });
});
