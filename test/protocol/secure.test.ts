import { describe, expect, test } from 'vitest';
import { statusText } from '../../cli/status.ts';
import type { HandlerContext } from '../../handlers/context.ts';
import { sweep } from '../../handlers/sweep.ts';
import { collect } from '../../lib/async.ts';
import { type FederationKey, federationKeys, siteKeys } from '../../lib/federation/keys.ts';
import {
  type CampaignInput,
  cohortSchema,
  commitSchema,
  outcomeSchema,
  type Policy,
  planSchema,
} from '../../lib/federation/schemas.ts';
import { canonicalJson } from '../../lib/json.ts';
import { publishKeys } from '../../lib/privacy/key-messages.ts';
import { signed, toBase64 } from '../../lib/privacy/site-keys.ts';
import type { SiteKeys } from '../../lib/privacy/site-secrets.ts';
import { decide } from '../../lib/protocol/consent/at-site.ts';
import { MOST_CASES } from '../../lib/protocol/secure/cohort.ts';
import { ownIdentity, siteSecrets } from '../../lib/protocol/secure/site-keys.ts';
import { stageStart } from '../../lib/protocol/stage-start.ts';
import { campaignStatus } from '../../lib/protocol/status.ts';
import { verifyCampaign } from '../../lib/protocol/verify-campaign.ts';
import { seededRandom } from '../../lib/random.ts';
import { readJson, tryReadJson } from '../../lib/storage/documents.ts';
import { type RefusalName, withUnreadable } from '../../lib/storage/testing-unreadable.ts';
import { decodeSafetensors } from '../../lib/weights/safetensors.ts';
import { asFederationRole, asSiteRole } from '../helpers/roles.ts';
import { maskedCampaignWith } from './simulated-campaign.ts';
import { type Delivery, type SimulatedFederation, simulateFederation } from './simulated-federation.ts';
import { maskedStep, type SimulatedSite } from './simulated-site.ts';

const CAMPAIGN = maskedCampaignWith({ minFraction: 0.6, deadlineSeconds: 3600, closeAfterQuorumSeconds: 600 }, 2);
const AT = { campaign: 'tavi', stage: 'teacher' };
const SITES: readonly SimulatedSite[] = Array.from({ length: 5 }, (_, i) => ({
  id: `site-${i}`,
  samples: 3 + 4 * i,
  behaviour: 'good',
}));

const SIX = [...SITES, { ...(SITES[0] as SimulatedSite), id: 'site-5' }];

/** The step that a message asks for, and its round; `task` for a GPU task. */
function askedBy(
  delivery: Delivery,
): { readonly site: string; readonly step: string; readonly round: number } | undefined {
  if (delivery.kind === 'task') return { site: delivery.message.site, step: 'task', round: delivery.message.round };
  const { site, step, round = 0 } = JSON.parse(delivery.body) as { site: string; step: string; round?: number };
  return step === undefined ? undefined : { site, step, round };
}

type Drop = (delivery: Delivery, world: SimulatedFederation) => boolean | Promise<boolean>;

/** Delivers until nothing is left. `drop` loses a message or a GPU task. */
async function settle(world: SimulatedFederation, drop: Drop): Promise<void> {
  for (let next = world.pending.shift(); next; next = world.pending.shift()) {
    if (await drop(next, world)) continue;
    if (!(await world.deliver(next)) && next.kind === 'message' && next.failures < 2) {
      world.pending.push({ ...next, failures: next.failures + 1 });
    }
  }
}

interface RunOptions {
  readonly drop?: Drop;
  readonly campaign?: CampaignInput;
  readonly sites?: readonly SimulatedSite[];
  readonly ticks?: number;
  /** Sites with a policy of their own; the others agree to all. */
  readonly policies?: Readonly<Record<string, Policy['mode']>>;
  /** Called before each sweep. */
  readonly onTick?: (world: SimulatedFederation, tick: number) => Promise<void>;
}

/** Runs a campaign with a sweep every five minutes, for at most as many hours as its deadlines need. */
async function run({
  drop = () => false,
  campaign = CAMPAIGN,
  sites = SITES,
  ticks = 120,
  policies = {},
  onTick = async () => {},
}: RunOptions = {}) {
  const world = simulateFederation(sites);
  for (const [site, mode] of Object.entries(policies)) {
    const policy = { schema: 'fedcardio.policy/1', site, mode, by: 'DPO', at: '2026-03-01T00:00:00.000Z' };
    await world.context.siteStore(site).put(siteKeys.policy, JSON.stringify(policy));
  }
  await world.upload(campaign);
  const { federationStore } = world.context;
  const outcomeOf = async () =>
    (await tryReadJson(federationStore, federationKeys.outcome('tavi'), outcomeSchema))?.value;
  for (let tick = 0; tick < ticks && !(await outcomeOf()); tick++) {
    await settle(world, drop);
    await onTick(world, tick);
    await settle(world, drop);
    await sweep(asFederationRole(world.context, 'sweep'));
    world.advanceClock(300);
  }
  await settle(world, drop);
  return { world, outcome: await outcomeOf() };
}

/** The model after each round, from the sums of the simulated sites' differences in the simplest form. */
async function expectModels(
  { context }: SimulatedFederation,
  survivors: readonly (readonly string[])[],
): Promise<void> {
  const { federationStore } = context;
  const { value: plan } = await readJson(federationStore, federationKeys.plan('tavi'), planSchema);
  const { layout, tensor } = await stageStart(federationStore, plan, 'teacher');
  const expected = new Map<string, number[]>();
  for (const name of layout.keys()) expected.set(name, [...(await tensor(name))]);
  for (const [index, ids] of survivors.entries()) {
    const round = index + 1;
    const commit = await readJson(federationStore, federationKeys.commit({ ...AT, round }), commitSchema);
    expect(commit.value.sites).toEqual(ids);
    const sites = SITES.filter(({ id }) => ids.includes(id));
    const total = sites.reduce((sum, { samples }) => sum + samples, 0);
    const model = decodeSafetensors((await federationStore.get(commit.value.global!.key)).body);
    for (const [name, values] of expected) {
      for (const [i, value] of values.entries()) {
        const mean = sites.reduce((sum, site) => sum + site.samples * maskedStep(site, round, i), 0) / total;
        values[i] = value + mean;
        expect(Math.abs(model.get(name)!.data[i]! - values[i]!)).toBeLessThan(1e-6);
      }
    }
  }
  const verified = await verifyCampaign(federationStore, 'tavi');
  expect([...verified.faults, ...verified.rounds.flatMap(({ faults }) => faults)]).toEqual([]);
}

const ids = SITES.map(({ id }) => id);
const without = (...lost: readonly number[]) => ids.filter((_, i) => !lost.includes(i));
/** Loses all that a site is asked for in these steps. */
const losing =
  (site: number, ...steps: readonly string[]) =>
  (delivery: Delivery): boolean => {
    const asked = askedBy(delivery);
    return asked?.site === `site-${site}` && steps.includes(asked.step);
  };

describe('a campaign with secure aggregation', () => {
  test('completes by events alone, and is verified', async () => {
    const world = simulateFederation(SITES);
    await world.upload(CAMPAIGN);

    await settle(world, () => false);

    await expectModels(world, [ids, ids]);
  });

  test('completes though a site claims so many cases that the updates of others would round to 0', async () => {
    const claims = SITES.map((site, i) => (i === 3 ? { ...site, samples: 1e9 } : site));
    const { world, outcome } = await run({ sites: claims });

    expect(outcome?.status).toBe('completed');
    const { federationStore } = world.context;
    const { value } = await readJson(federationStore, federationKeys.cohort({ ...AT, attempt: 1 }), cohortSchema);
    expect(value.members.map(({ samples }) => samples)).toEqual([3, 7, 11, MOST_CASES, 19]);
    const verified = await verifyCampaign(federationStore, 'tavi');
    expect([...verified.faults, ...verified.rounds.flatMap(({ faults }) => faults)]).toEqual([]);
  });

  test.each<[string, (delivery: Delivery) => boolean, readonly string[]]>([
    ['sends no keys', losing(2, 'keys'), without(2)],
    ['sends no shares of its keys', losing(2, 'shares'), without(2)],
    ['sends no update', losing(2, 'task'), without(2)],
    ['sends its update, and is away then', losing(2, 'endorse', 'reveal'), ids],
    ['endorses, and is away then', losing(2, 'reveal'), ids],
    ['is away from the start', losing(0, 'keys', 'shares', 'task', 'endorse', 'reveal'), without(0)],
  ])('completes if a site %s', async (_, drop, survivors) => {
    const { world, outcome } = await run({ drop });

    expect(outcome).toMatchObject({ status: 'completed' });
    await expectModels(world, [survivors, survivors]);
  });

  const zero = toBase64(new Uint8Array(32));
  test.each<[string, (own: SiteKeys, other: SiteKeys) => Partial<SiteKeys>, readonly number[]]>([
    ['a channel key that everybody could agree with', () => ({ channelKey: zero }), [2]],
    ['mask keys that everybody could agree with', ({ maskKeys }) => ({ maskKeys: [maskKeys[0]!, zero] }), [2]],
    ['one key for two rounds', ({ maskKeys }) => ({ maskKeys: [maskKeys[0]!, maskKeys[0]!] }), [2]],
    ['one key for two purposes', ({ maskKeys }) => ({ channelKey: maskKeys[1]! }), [2]],
    // Nobody can tell who has copied.
    ['a key of another', (_, { channelKey }) => ({ channelKey }), [2, 3]],
  ])('completes without a site that sends %s', async (_, change, lost) => {
    const publish: Drop = async (delivery, { context }) => {
      if (!losing(2, 'keys')(delivery) || delivery.kind !== 'message') return false;
      const { plan } = JSON.parse(delivery.body) as { readonly plan: string };
      const keysOf = async (site: string) => {
        const own = await siteSecrets(context.siteStore(site), site, 'tavi');
        return { own, keys: publishKeys(own, { ...AT, plan, attempt: 1, rounds: 2 }).content };
      };
      const [{ own, keys }, other] = [await keysOf('site-2'), await keysOf('site-3')];
      await context.federationStore.put(
        federationKeys.stepAnswer({ ...AT, attempt: 1 }, 'site-2', 'keys'),
        canonicalJson({
          schema: 'fedcardio.site-keys/1',
          identity: ownIdentity(own),
          keys: signed('keys', { ...keys, ...change(keys, other.keys) }, own.signingKey),
        }),
      );
      return true;
    };

    const { world, outcome } = await run({ drop: publish });

    expect(outcome).toMatchObject({ status: 'completed' });
    await expectModels(world, [without(...lost), without(...lost)]);
  });

  test.each(['keys', 'shares'] as const)(
    'completes without a site that sends the %s of another as its own',
    async (step) => {
      const at = { ...AT, attempt: 1 };
      const copy: Drop = async (delivery, { context: { federationStore } }) => {
        if (!losing(2, step)(delivery)) return false;
        // Sites are asked in their order.
        const { body } = await federationStore.get(federationKeys.stepAnswer(at, 'site-0', step));
        await federationStore.put(federationKeys.stepAnswer(at, 'site-2', step), body);
        return true;
      };

      const { world, outcome } = await run({ drop: copy });

      expect(outcome).toMatchObject({ status: 'completed' });
      await expectModels(world, [without(2), without(2)]);
    },
  );

  test('asks no site that the stage is not for', async () => {
    const asked = new Set<string | undefined>();
    const note: Drop = (delivery) => {
      asked.add(askedBy(delivery)?.site);
      return false;
    };
    const [stage] = CAMPAIGN.stages;

    const { world, outcome } = await run({
      drop: note,
      campaign: { ...CAMPAIGN, stages: [{ ...stage!, sites: without(4) }] } as CampaignInput,
    });

    expect(outcome).toMatchObject({ status: 'completed' });
    expect([...asked].filter((site) => site !== undefined).toSorted()).toEqual(without(4));
    await expectModels(world, [without(4), without(4)]);
  });

  test('names a site whose shares do not fit, and ends', async () => {
    const spoil: Drop = async (delivery, world) => {
      if (!losing(2, 'task')(delivery)) return false;
      const { federationStore, siteStore } = world.context;
      await world.deliver(delivery);
      const own = await siteSecrets(siteStore('site-2'), 'site-2', 'tavi');
      for (const { key } of await collect(federationStore.list('updates/site-2/tavi/teacher/0001/' as FederationKey))) {
        if (!key.endsWith('.update.json')) continue;
        const update = JSON.parse(Buffer.from((await federationStore.get(key)).body).toString());
        const { content } = update.secure;
        for (const to of Object.keys(content.sealed)) content.sealed[to] = content.sealed['site-2'];
        update.secure = signed('update', content, own.signingKey);
        await federationStore.put(key, canonicalJson(update));
      }
      return true;
    };

    const { outcome } = await run({ drop: spoil });

    expect(outcome).toMatchObject({ status: 'failed', reason: expect.stringMatching(/site-2/) });
    expect(outcome?.reason).not.toMatch(/site-[0134]/);
  });

  test.each<[string, (update: Uint8Array) => Uint8Array | string]>([
    ['something else', () => 'something else'],
    ['a failure', (update) => JSON.stringify({ ...JSON.parse(Buffer.from(update).toString()), status: 'failed' })],
    ['twenty megabytes', () => new Uint8Array(20e6)],
  ])('names a site that replaces its sealed update by %s, and ends', async (_, replacement) => {
    const replace: Drop = async (delivery, { context: { federationStore } }) => {
      if (!losing(0, 'endorse')(delivery)) return false;
      for (const { key } of await collect(federationStore.list('updates/site-2/tavi/teacher/0001/' as FederationKey))) {
        if (!key.endsWith('.update.json')) continue;
        await federationStore.put(key, replacement((await federationStore.get(key)).body));
      }
      return false;
    };

    const { outcome } = await run({ drop: replace, ticks: 30 });

    expect(outcome).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('site-2: It has replaced its update'),
    });
  });

  test.each<[string, (shares: string) => string]>([
    ['something else', () => 'something else'],
    ['another signature', (shares) => shares.replace(/(?<="signature":").(.)/, '$1$1')],
  ])(
    'names a site that replaces the shares of its keys by %s and sends no update, and ends',
    async (_, replacement) => {
      const key = federationKeys.stepAnswer({ ...AT, attempt: 1 }, 'site-2', 'shares');
      const replace: Drop = async (delivery, { context: { federationStore } }) => {
        if (!losing(2, 'task')(delivery)) return false;
        await federationStore.put(key, replacement(Buffer.from((await federationStore.get(key)).body).toString()));
        return true;
      };

      const { outcome } = await run({ drop: replace, ticks: 30 });

      expect(outcome).toMatchObject({ status: 'failed', reason: expect.stringMatching(/is lost.* site-2: /) });
    },
  );

  const sealed = (key: string) => key.startsWith('updates/site-2/tavi/teacher/0001/') && key.endsWith('.update.json');
  const sharesOfAbsent = (key: string) =>
    key === federationKeys.stepAnswer({ campaign: 'tavi', stage: 'teacher', attempt: 1 }, 'site-2', 'shares');
  // Of six sites, two may be absent: one that is denied is then not all that is asked for.
  const twoAbsent: Drop = (delivery) => losing(2, 'task')(delivery) || losing(3, 'task')(delivery);
  test.each<[string, RefusalName, string, (key: string) => boolean, Drop]>([
    ['a sealed update is denied', 'a KMS key of others', 'completed', sealed, () => false],
    ['a sealed update is archived', 'GLACIER', 'failed', sealed, () => false],
    ['shares of an absent site are denied', 'a KMS key of others', 'completed', sharesOfAbsent, twoAbsent],
    ['shares of an absent site are archived', 'GLACIER', 'failed', sharesOfAbsent, twoAbsent],
  ])('decides nothing while %s, unless it stays so: %s', async (_, refusal, status, isUnreadable, lose) => {
    let isDenied: boolean | undefined;
    const deny: Drop = (delivery, world) => {
      if (!losing(0, 'endorse')(delivery) || isDenied !== undefined) return lose(delivery, world);
      isDenied = true;
      const { context } = world;
      const refusalOf = (key: string) => (isDenied && isUnreadable(key) ? refusal : undefined);
      Object.assign(context, { federationStore: withUnreadable(context.federationStore, refusalOf) });
      return false;
    };
    const allow = async (_: SimulatedFederation, tick: number) => {
      if (tick === 5 && status === 'completed') isDenied = false;
    };

    const { outcome } = await run({ drop: deny, onTick: allow, ticks: 30, sites: SIX });

    expect(outcome).toMatchObject({ status });
    if (status === 'failed') expect(outcome?.reason).toContain('site-2: ');
  });

  test.each(['keys', 'shares', 'endorse', 'reveal'] as const)('says that it waits for a site: %s', async (step) => {
    // Two sites are too few less than a cohort needs.
    const lost = [0, 1].map((site) => losing(site, step));
    const { world, outcome } = await run({ drop: (delivery) => lost.some((isLost) => isLost(delivery)), ticks: 3 });

    expect(outcome).toBeUndefined();
    const status = await campaignStatus(world.context, 'tavi');
    const [stage] = status!.stages;
    const awaited = stage?.awaited ?? stage?.rounds.at(-1)?.awaited;
    expect(awaited).toMatchObject({ step, sites: ['site-0', 'site-1'] });
    expect(statusText(status!, { now: world.context.now(), rejected: [] })).toContain('site-0, site-1 (');
  });

  test('opens masks again in a later round, of other drop-outs', async () => {
    const { world, outcome } = await run({
      drop: (delivery) => {
        const asked = askedBy(delivery);
        return asked?.step === 'task' && asked.site === `site-${asked.round}`;
      },
    });

    expect(outcome).toMatchObject({ status: 'completed' });
    await expectModels(world, [without(1), without(2)]);
  });

  test.each<[string, (delivery: Delivery) => boolean, string]>([
    [
      'sites that send shares of their keys are too few',
      (delivery) => [0, 1, 2].some((site) => losing(site, 'shares')(delivery)),
      '2 sites have sent usable shares of their keys, or still may, and secure aggregation needs 3. no answer from site-0, site-1, site-2; The log of a site says why it sends none',
    ],
    [
      'sites that send keys are too few',
      (delivery) => askedBy(delivery)?.step === 'keys' && !/[01]$/.test(askedBy(delivery)?.site ?? ''),
      '2 sites have sent keys, and secure aggregation needs 3',
    ],
    [
      'endorsements are too few',
      (delivery) => [0, 1].some((site) => losing(site, 'endorse')(delivery)),
      'no answer from site-0, site-1',
    ],
    [
      'opened shares are too few',
      (delivery) => [0, 1].some((site) => losing(site, 'reveal')(delivery)),
      'Its updates stay masked. no answer from site-0, site-1',
    ],
  ])('ends with the names of the sites if %s', async (_, drop, reason) => {
    const { outcome } = await run({ drop });

    expect(outcome).toMatchObject({ status: 'failed', reason: expect.stringContaining(reason) });
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'survives lost, repeated and reordered messages: seed %d',
    async (seed) => {
      const random = seededRandom('secure', seed);
      const world = simulateFederation(SITES);
      await world.upload(CAMPAIGN);
      for (let tick = 0; tick < 200; tick++) {
        const due = world.pending.splice(0).sort(() => random() - 0.5);
        for (const delivery of due) {
          if (random() < 0.15 && tick < 40) continue;
          await world.deliver(delivery);
          if (random() < 0.2) world.pending.push(delivery);
          if (random() < 0.2) await world.deliver(delivery);
        }
        if (random() < 0.7) await sweep(asFederationRole(world.context, 'sweep'));
        world.advanceClock(60);
        if (await world.context.federationStore.head(federationKeys.outcome('tavi'))) break;
      }

      const outcome = await readJson(world.context.federationStore, federationKeys.outcome('tavi'), outcomeSchema);
      expect(outcome.value).toMatchObject({ status: 'completed' });
      const verified = await verifyCampaign(world.context.federationStore, 'tavi');
      expect(verified.rounds.flatMap(({ faults }) => faults)).toEqual([]);
    },
    120_000,
  );

  test('goes on after a crash at any write of the coordinator or of a site', async () => {
    let writes = 0;
    const crashing = (context: HandlerContext, at: number): HandlerContext => {
      const guard =
        <A extends readonly unknown[], R>(write: (...args: A) => Promise<R>) =>
        async (...args: A): Promise<R> => {
          writes++;
          if (writes === at) throw new Error('crashed before the write');
          const result = await write(...args);
          if (writes === -at) throw new Error('crashed after the write');
          return result;
        };
      const { federationStore, siteStore } = context;
      const wrap = <S extends typeof federationStore>(store: S): S => ({
        ...store,
        put: guard(store.put),
        putIfAbsent: guard(store.putIfAbsent),
        putParts: guard(store.putParts),
      });
      return { ...context, federationStore: wrap(federationStore), siteStore: (id) => wrap(siteStore(id) as never) };
    };
    const three = SITES.slice(0, 3);
    const once = await runCrashing(0);
    const all = writes;
    expect(all).toBeGreaterThan(40);
    for (let at = 1; at <= all; at += 3) {
      for (const when of [at, -at]) {
        const { outcome, model } = await runCrashing(when);
        expect(outcome, `write ${when} of ${all}`).toBe('completed');
        expect(model, `write ${when} of ${all}`).toBe(once.model);
      }
    }

    async function runCrashing(at: number) {
      writes = 0;
      const world = simulateFederation(three);
      await world.upload({ ...CAMPAIGN, stages: [{ ...CAMPAIGN.stages[0]!, rounds: 1 } as never] });
      const context = crashing(world.context, at);
      for (let tick = 0; tick < 40; tick++) {
        for (let next = world.pending.shift(); next; next = world.pending.shift()) {
          if (!(await world.deliver(next, { context }))) world.pending.push(next);
        }
        if (await world.context.federationStore.head(federationKeys.outcome('tavi'))) break;
        await sweep(asFederationRole(context, 'sweep')).catch(() => undefined);
        world.advanceClock(300);
      }
      const { federationStore } = world.context;
      const outcome = await tryReadJson(federationStore, federationKeys.outcome('tavi'), outcomeSchema);
      const commit = await tryReadJson(federationStore, federationKeys.commit({ ...AT, round: 1 }), commitSchema);
      const key = commit?.value.global?.key as FederationKey;
      const weights = decodeSafetensors((await federationStore.get(key)).body);
      const model = [...weights].map(([name, { data }]) => `${name} ${data.join()}`).join('\n');
      return { outcome: outcome?.value.status, model };
    }
  }, 600_000);
});

describe('consent to secure aggregation', () => {
  const cohortOf = async ({ context }: SimulatedFederation) =>
    (await readJson(context.federationStore, federationKeys.cohort({ ...AT, attempt: 1 }), cohortSchema)).value.cohort
      .sites;

  test('a site that declines sends no key, and no stage waits for it', async () => {
    const { world, outcome } = await run({ policies: { 'site-2': 'never' }, ticks: 6 });

    expect(outcome).toMatchObject({ status: 'completed' });
    expect(await cohortOf(world)).toEqual(['site-0', 'site-1', 'site-3', 'site-4']);
    expect([...world.writes.keys()].filter((key) => key.startsWith('updates/site-2/'))).toEqual([]);
  });

  test('a site that is asked sends its keys as soon as a person has agreed', async () => {
    const agree = async ({ context }: SimulatedFederation, tick: number) => {
      if (tick !== 2) return;
      const { federationStore, siteStore } = asSiteRole(context, 'site-2', 'withdraw');
      const own = { site: 'site-2', store: siteStore('site-2'), federationStore, now: context.now };
      await decide(own, 'tavi', { state: 'agreed', by: 'Data protection officer' });
    };

    const { world, outcome } = await run({ policies: { 'site-2': 'ask' }, ticks: 8, onTick: agree });

    expect(outcome).toMatchObject({ status: 'completed' });
    expect(await cohortOf(world)).toEqual(SITES.map(({ id }) => id));
  });
});
