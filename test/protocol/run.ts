import { sweep } from '../../handlers/sweep.ts';
import { isFedcardioError } from '../../lib/error.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import type { CampaignInput, GpuTaskMessage } from '../../lib/federation/schemas.ts';
import { canonicalJson } from '../../lib/json.ts';
import { seededRandom, uniform } from '../../lib/random.ts';
import { perform, type Scene } from './acts.ts';
import { createAdversary, SETTLED_TICK } from './adversary.ts';
import { blemishes, neglected } from './endings.ts';
import { createHistory } from './history.ts';
import { INJECTED, type Invocation, invoke } from './invocation.ts';
import { type Act, type Scenario, STORM_TICKS } from './scenario.ts';
import { randomSchedule } from './schedule.ts';
import { type Delivery, simulateFederation } from './simulated-federation.ts';
import { summaryOf } from './simulated-site.ts';
import { createWatch } from './watch.ts';

export interface RunOptions {
  /** False: nothing but events drives the campaign. */
  readonly sweeps: boolean;
  /** Ticks after the storm within which every campaign must end. */
  readonly calmTicks: number;
}

/** Receives after which a queue gives a message up. */
const MAX_RECEIVES = 3;
/** Ticks that go on after a campaign has ended: whoever comes late must find that it has. */
const LAST_TICKS = 3;
/** The age at which tasks are sent again, and the most by which a sweep's clock and a lease may put that off. */
const NEGLECT_SECONDS = 900 + 600 + 660;

/**
 * Runs one campaign under an adversary, tick by tick: all that is pending, the sweep and what people do run at once,
 * their requests in an order that the seed decides. After the storm nothing more goes wrong.
 *
 * Throws what was violated: a rule (see rules.ts) at any write, an end that does not come, an error that nobody
 * injected, or whatever the product's own verification finds.
 */
export async function runSchedule(
  campaignOf: (quorum: Scenario['quorum']) => CampaignInput,
  scenario: Scenario,
  { sweeps, calmTicks }: RunOptions,
): Promise<void> {
  const campaign = campaignOf(scenario.quorum);
  const world = simulateFederation(scenario.sites);
  const { context, pending } = world;
  const random = seededRandom('schedule', scenario.seed);
  const schedule = randomSchedule(random);
  const adversary = createAdversary(scenario);
  const history = createHistory();
  const watch = createWatch(history, campaign.id, context.now);
  const scene: Scene = {
    campaign: campaign.id,
    sites: [...scenario.sites],
    members: new Set(scenario.sites.flatMap(({ id, member }) => (member ? [id] : []))),
    counting: new Set(),
    history,
    watch,
  };
  const { skewSeconds, pageSize } = scenario;
  const start = (name: string) =>
    invoke(name, {
      world: context,
      random,
      schedule,
      skewSeconds,
      pageSize,
      nextFault: adversary.nextFault,
      moment: history.moment,
      onWrite: watch.wrote,
      onSend: (by: Invocation, body: string) => watch.sent(by, JSON.parse(body) as GpuTaskMessage),
    });

  async function deliver(delivery: Delivery): Promise<void> {
    const by = start(delivery.kind === 'task' ? `a task of ${delivery.message.site}` : delivery.queue);
    const site = delivery.kind === 'task' && scene.sites.find(({ id }) => id === delivery.message.site);
    const isDone = await world.deliver(delivery, {
      context: by.context,
      ...(site ? { site, onAnswer: (key, isUsable) => watch.answering(by, key, isUsable) } : {}),
    });
    if (isDone) return;
    if (delivery.kind === 'task') pending.push(delivery);
    else if (delivery.failures + 1 < MAX_RECEIVES) pending.push({ ...delivery, failures: delivery.failures + 1 });
  }

  const act = async (what: Act) => {
    await perform(what, start(what.kind), scene).catch(unlessExpected);
    world.setMembers([...scene.members]);
  };

  /** What is pending, by its fate. */
  const due = () =>
    pending.splice(0).flatMap((delivery) => {
      const { now, later } = adversary.nextDelivery();
      if (later) pending.push(delivery);
      return Array.from({ length: now }, () => delivery);
    });

  const unexpected: unknown[] = [];
  const startAll = () => {
    const running = [
      ...due().map(deliver),
      ...adversary.acts().map(act),
      ...Array.from({ length: sweeps ? (adversary.tick() % 3 === 0 ? 2 : 1) : 0 }, () =>
        sweep(start('sweep').context).catch(unlessExpected),
      ),
    ];
    for (const one of running) one.catch((error) => unexpected.push(error));
  };

  world.setMembers([...scene.members]);
  const by = start('upload');
  for (const site of scenario.sites.filter(({ member }) => member)) {
    await upload(by, federationKeys.summary(site.id), canonicalJson(summaryOf(site, context.now())));
  }
  await upload(by, federationKeys.campaign(campaign.id), JSON.stringify(campaign));

  const tickSeconds = Number(scenario.quorum.deadlineSeconds) / 8;
  for (let afterEnd = 0; afterEnd <= LAST_TICKS; adversary.nextTick()) {
    startAll();
    await schedule.run();
    const found = [...watch.found, ...unexpected.map(String)];
    const calm = adversary.tick() - STORM_TICKS;
    const hasEnded = history.at(federationKeys.outcome(campaign.id)) !== undefined;
    if (hasEnded) afterEnd++;
    else if (calm > calmTicks) found.push(`the campaign has not ended ${calmTicks} ticks after the storm`);
    else if (sweeps && adversary.tick() > SETTLED_TICK) {
      found.push(...(await neglected(world, history, watch, campaign.id, NEGLECT_SECONDS + tickSeconds)));
    }
    if (found.length > 0) throw new Error(found.join('\n'));
    // After the storm an answer takes three ticks and a deadline nine, so that no round needs more than a dozen.
    const stormSeconds = pending.length > 0 ? 600 : 2 * tickSeconds;
    world.advanceClock(adversary.isStorm() ? uniform(random, 10, stormSeconds) : tickSeconds);
  }
  const found = await blemishes(world, history, campaign.id);
  if (found.length > 0) throw new Error(found.join('\n'));

  async function upload(by: Invocation, key: string, body: string): Promise<void> {
    await context.objects.put(world.bucket, key, body);
    watch.wrote(by, key, body);
  }
}

/** A command may come before its campaign is there, or after its end. */
function unlessExpected(error: unknown): void {
  if (isFedcardioError(error, 'CAMPAIGN_FAILED') || isFedcardioError(error, 'NOT_FOUND')) return;
  if (!INJECTED.test(String((error as Error).message))) throw error;
}
