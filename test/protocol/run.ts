import { sweep } from '../../handlers/sweep.ts';
import { isFedcardioError } from '../../lib/error.ts';
import { type FederationKey, federationKeys } from '../../lib/federation/keys.ts';
import type { CampaignInput, GpuTaskMessage } from '../../lib/federation/schemas.ts';
import { canonicalJson } from '../../lib/json.ts';
import { seededRandom, uniform } from '../../lib/random.ts';
import { asFederationRole } from '../helpers/roles.ts';
import { createAdversary, FAULTS_OVER_TICK } from './adversary.ts';
import { type ModelState, runCommand } from './commands.ts';
import { finalViolations, overdueWork } from './final-checks.ts';
import { createHistory } from './history.ts';
import { INJECTED, type Invocation, invoke } from './invocation.ts';
import { createMonitor } from './monitor.ts';
import { type Command, FAULT_TICKS, type Scenario } from './scenario.ts';
import { randomSchedule } from './schedule.ts';
import { type Delivery, simulateFederation } from './simulated-federation.ts';
import { summaryOf } from './simulated-site.ts';

export interface RunOptions {
  /** Whether the sweep runs. Without it only events drive the campaign. */
  readonly sweeps: boolean;
  /** Most ticks that a campaign may take after the fault phase. */
  readonly faultFreeTicks: number;
}

/** Receives after which a message goes to the dead-letter queue. */
const MAX_RECEIVES = 3;
/** Ticks to run after a campaign has ended, so that late invocations must notice its end. */
const LAST_TICKS = 3;
/** Age at which GPU tasks are sent again, plus the longest delays by clock skew and by a lease. */
const OVERDUE_SECONDS = 900 + 600 + 660;

/**
 * Runs one campaign under an adversary, tick by tick. Pending deliveries, the sweep and commands run concurrently; the
 * seed decides the order of their requests. No fault is injected after the fault phase.
 *
 * @throws Error naming the violations: a write against rules.ts, a campaign that does not end, an error that was not
 *   injected, or a fault that `verifyCampaign` finds
 */
export async function runSchedule(
  campaignOf: (quorum: Scenario['quorum']) => CampaignInput,
  scenario: Scenario,
  { sweeps, faultFreeTicks }: RunOptions,
): Promise<void> {
  const campaign = campaignOf(scenario.quorum);
  const simulated = simulateFederation(scenario.sites);
  const { context, pending } = simulated;
  const random = seededRandom('schedule', scenario.seed);
  const schedule = randomSchedule(random);
  const adversary = createAdversary(scenario);
  const history = createHistory();
  const monitor = createMonitor(history, campaign.id, context.now);
  const state: ModelState = {
    campaign: campaign.id,
    sites: [...scenario.sites],
    members: new Set(scenario.sites.flatMap(({ id, member }) => (member ? [id] : []))),
    counting: new Set(),
    history,
    monitor,
  };
  const { skewSeconds, pageSize, listedKeys } = scenario;
  const start = (name: string) =>
    invoke(name, {
      shared: context,
      random,
      schedule,
      skewSeconds,
      pageSize,
      listedKeys,
      nextFault: adversary.nextFault,
      revision: history.revision,
      onRead: monitor.onRead,
      onWrite: monitor.onWrite,
      onSend: (by: Invocation, body: string) => monitor.onSend(by, JSON.parse(body) as GpuTaskMessage),
    });

  async function deliver(delivery: Delivery): Promise<void> {
    const by = start(delivery.kind === 'task' ? `a GPU task of ${delivery.message.site}` : delivery.queue);
    const site = delivery.kind === 'task' && state.sites.find(({ id }) => id === delivery.message.site);
    const isDone = await simulated.deliver(delivery, {
      context: by.context,
      ...(site ? { site, onAnswer: (key, isUsable) => monitor.expectAnswer(by, key, isUsable) } : {}),
    });
    if (isDone) return;
    if (delivery.kind === 'task') pending.push(delivery);
    else if (delivery.failures + 1 < MAX_RECEIVES) pending.push({ ...delivery, failures: delivery.failures + 1 });
  }

  const run = async (command: Command) => {
    await runCommand(command, start(command.kind), state).catch(unlessExpected);
    simulated.setMembers([...state.members]);
  };

  /** Takes the pending deliveries and applies their faults. */
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
      ...adversary.commands().map(run),
      ...Array.from({ length: sweeps ? (adversary.tick() % 3 === 0 ? 2 : 1) : 0 }, () =>
        sweep(asFederationRole(start('sweep').context, 'sweep')).catch(unlessExpected),
      ),
    ];
    for (const one of running) one.catch((error) => unexpected.push(error));
  };

  simulated.setMembers([...state.members]);
  const by = start('upload');
  for (const site of scenario.sites.filter(({ member }) => member)) {
    await upload(by, federationKeys.summary(site.id), canonicalJson(summaryOf(site, context.now())));
  }
  await upload(by, federationKeys.campaign(campaign.id), JSON.stringify(campaign));

  const tickSeconds = Number(scenario.quorum.deadlineSeconds) / 8;
  for (let afterEnd = 0; afterEnd <= LAST_TICKS; adversary.nextTick()) {
    startAll();
    await schedule.run();
    const violations = [...monitor.violations, ...unexpected.map(String)];
    const ticksSinceFaults = adversary.tick() - FAULT_TICKS;
    const hasEnded = history.at(federationKeys.outcome(campaign.id)) !== undefined;
    if (hasEnded) afterEnd++;
    else if (ticksSinceFaults > faultFreeTicks)
      violations.push(`the campaign has not ended ${faultFreeTicks} ticks after the fault phase`);
    else if (sweeps && adversary.tick() > FAULTS_OVER_TICK) {
      violations.push(...(await overdueWork(simulated, history, monitor, campaign.id, OVERDUE_SECONDS + tickSeconds)));
    }
    if (violations.length > 0) throw new Error(violations.join('\n'));
    // After the fault phase an answer takes three ticks and a deadline nine, so a round needs at most twelve.
    const faultPhaseSeconds = pending.length > 0 ? 600 : 2 * tickSeconds;
    simulated.advanceClock(adversary.isFaultPhase() ? uniform(random, 10, faultPhaseSeconds) : tickSeconds);
  }
  const violations = await finalViolations(simulated, history, monitor, campaign.id);
  if (violations.length > 0) throw new Error(violations.join('\n'));

  async function upload(by: Invocation, key: FederationKey, body: string): Promise<void> {
    await context.federationStore.put(key, body);
    monitor.onWrite(by, key, body);
  }
}

/** A command may run before its campaign exists or after its end. */
function unlessExpected(error: unknown): void {
  if (isFedcardioError(error, 'CAMPAIGN_FAILED') || isFedcardioError(error, 'NOT_FOUND')) return;
  if (!INJECTED.test(String((error as Error).message))) throw error;
}
