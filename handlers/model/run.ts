import { verifyCampaign } from '../../lib/aggregation/verify-campaign.ts';
import { isFedcardioError } from '../../lib/error.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { canonicalJson } from '../../lib/federation/protocol/json.ts';
import type { CampaignInput, TaskMessage } from '../../lib/federation/schemas.ts';
import { seededRandom, uniform } from '../../lib/random.ts';
import { type Delivery, simulateFederation } from '../simulated-federation.ts';
import { summaryOf } from '../simulated-site.ts';
import { sweep } from '../sweep.ts';
import { type Hospitals, perform } from './acts.ts';
import { createHistory } from './history.ts';
import { INJECTED, type Invocation, invoke } from './invocation.ts';
import { type Act, type Scenario, STORM_TICKS } from './scenario.ts';
import { randomSchedule } from './schedule.ts';
import { createWatch } from './watch.ts';

export interface RunOptions {
  /** False: nothing but events drives the campaign. */
  readonly sweeps: boolean;
  /** Ticks after the storm within which every campaign must end. */
  readonly calmTicks: number;
}

/** Longer than a lease. */
const SLOW_SECONDS = 61;
/** Receives after which a queue gives a message up. */
const MAX_RECEIVES = 3;

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
  const { quorum, acts } = scenario;
  const campaign = campaignOf(quorum);
  const world = simulateFederation(scenario.sites);
  const { bucket, context, pending } = world;
  const random = seededRandom('schedule', scenario.seed);
  const schedule = randomSchedule(random);
  const history = createHistory();
  const watch = createWatch(history, campaign.id);
  const hospitals: Hospitals = {
    sites: [...scenario.sites],
    members: new Set(scenario.sites.flatMap(({ id, member }) => (member ? [id] : []))),
  };
  const faults = new Map(scenario.faults.map(({ request, fault }) => [request, fault]));
  const fates = new Map(scenario.fates.map(({ delivery, fate }) => [delivery, fate]));
  let [requests, deliveries, echoes, tick] = [0, 0, 0, 0];
  const isStorm = () => tick <= STORM_TICKS;

  const surroundings = {
    ...scenario,
    world: context,
    random,
    schedule,
    moment: history.moment,
    nextFault: (isConditional: boolean) => {
      if (!isStorm()) return undefined;
      const fault = faults.get(requests++);
      // Only a conditional write can be echoed: the next one, then.
      if (fault === 'echo') echoes++;
      if (fault !== undefined && fault !== 'echo') return fault;
      return isConditional && echoes > 0 && echoes-- ? ('echo' as const) : undefined;
    },
    onSlow: () => world.advanceClock(SLOW_SECONDS),
    onWrite: watch.wrote,
    onSend: (by: Invocation, body: string) => watch.sent(by, JSON.parse(body) as TaskMessage),
  };
  const start = (name: string) => invoke(name, surroundings);

  async function deliver(delivery: Delivery): Promise<void> {
    const by = start(delivery.kind === 'task' ? `a task of ${delivery.message.site}` : delivery.queue);
    const site = delivery.kind === 'task' && hospitals.sites.find(({ id }) => id === delivery.message.site);
    const isDone = await world.deliver(delivery, {
      context: by.context,
      ...(site ? { site, onAnswer: (key, isUsable) => watch.answering(by, key, isUsable) } : {}),
    });
    if (isDone) return;
    if (delivery.kind === 'task') pending.push(delivery);
    else if (delivery.failures + 1 < MAX_RECEIVES) pending.push({ ...delivery, failures: delivery.failures + 1 });
  }

  const act = async (what: Act) => {
    const by = start(what.kind);
    await perform(what, campaign.id, by, hospitals, history, watch).catch(unlessExpected);
    world.setMembers([...hospitals.members]);
  };

  /** What is pending, by its fate. */
  const due = () =>
    pending.splice(0).flatMap((delivery) => {
      const fate = isStorm() ? fates.get(deliveries++) : undefined;
      if (fate === 'late') pending.push(delivery);
      return fate === 'late' || fate === 'lost' ? [] : fate === 'twice' ? [delivery, delivery] : [delivery];
    });

  const hasEnded = () => history.at(federationKeys.outcome(campaign.id)) !== undefined;

  // The upload.
  const uploading = start('upload').context;
  world.setMembers([...hospitals.members]);
  const setUp = async () => {
    for (const site of scenario.sites.filter(({ member }) => member)) {
      const body = canonicalJson(summaryOf(site, context.now()));
      await world.context.objects.put(bucket, federationKeys.summary(site.id), body);
      history.record(federationKeys.summary(site.id), body);
    }
    const body = JSON.stringify(campaign);
    await world.context.objects.put(bucket, federationKeys.campaign(campaign.id), body);
    history.record(federationKeys.campaign(campaign.id), body);
  };
  await setUp();
  void uploading;

  for (; !hasEnded(); tick++) {
    if (tick > STORM_TICKS + calmTicks)
      throw new Error(`the campaign has not ended ${calmTicks} ticks after the storm`);
    const running = [
      ...due().map(deliver),
      ...acts.filter((one) => one.tick === tick).map((one) => act(one.act)),
      ...(tick === STORM_TICKS + 1 ? [act({ kind: 'resume' })] : []),
      ...(sweeps
        ? Array.from({ length: 1 + (tick % 2) }, () => sweep(start('sweep').context).catch(unlessInjected))
        : []),
    ];
    await schedule.runUntil(Promise.all(running));
    if (watch.found.length > 0) throw new Error(watch.found.join('\n'));
    // After the storm an answer takes three ticks and a deadline nine, so that no round needs more than a dozen.
    world.advanceClock(isStorm() ? uniform(random, 10, 600) : Number(quorum.deadlineSeconds) / 8);
  }

  const errors = world.log.filter(
    ({ event, fields }) =>
      /-failed$|-threw$/.test(event) && event !== 'task-failed' && !INJECTED.test(String(fields.reason)),
  );
  if (errors.length > 0) throw new Error(`errors that nobody injected: ${JSON.stringify(errors)}`);
  if (history.at(federationKeys.plan(campaign.id))) {
    const { faults, rounds } = await verifyCampaign(context, campaign.id);
    const all = [...faults, ...rounds.flatMap((round) => round.faults)];
    if (all.length > 0) throw new Error(`verification finds: ${all.join('; ')}`);
  }
}

function unlessInjected(error: unknown): void {
  if (!INJECTED.test(String((error as Error).message))) throw error;
}

/** A command may come before its campaign is there, or after its end. */
function unlessExpected(error: unknown): void {
  if (!isFedcardioError(error, 'CAMPAIGN_FAILED') && !isFedcardioError(error, 'NOT_FOUND')) unlessInjected(error);
}
