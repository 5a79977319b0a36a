import { collect } from '../../lib/async.ts';
import { federationKeys, parseRoundKey } from '../../lib/federation/keys.ts';
import type { Control, Open } from '../../lib/federation/schemas.ts';
import { verifyCampaign } from '../../lib/protocol/verify-campaign.ts';
import { expectedDecision, seenAnswers } from './expected-decision.ts';
import { type History, jsonOf } from './history.ts';
import { INJECTED } from './invocation.ts';
import type { Monitor } from './monitor.ts';
import type { SimulatedFederation } from './simulated-federation.ts';

/**
 * Work that a sweep should have done: GPU tasks of open rounds that were neither answered nor sent again, and rounds
 * that should have been closed.
 *
 * @param seconds after which work is overdue, including clock skew and the lease of a crashed owner
 */
export async function overdueWork(
  { context }: SimulatedFederation,
  history: History,
  monitor: Monitor,
  campaign: string,
  seconds: number,
): Promise<readonly string[]> {
  const then = new Date(context.now().getTime() - seconds * 1000);
  const control = history.at(federationKeys.control(campaign));
  const pauses = control ? jsonOf<Control>(control).pauses : [];
  const overdue: string[] = [];
  for (const key of history.keys()) {
    const round = parseRoundKey(key);
    if (round?.rest !== 'open.json' || history.at(federationKeys.seal(round.at))) continue;
    const open = jsonOf<Open>(history.at(key)!);
    const prefix = federationKeys.round(round.at);
    const answers = seenAnswers(await collect(context.federationStore.list(prefix)), monitor.isUsable);
    for (const { site } of open.participants) {
      const sentAt = monitor.lastSentAt(prefix, site);
      const isWaitedFor = !answers.some((answer) => answer.site === site);
      if (isWaitedFor && !(sentAt && sentAt >= then))
        overdue.push(`the GPU task of ${site} is unanswered and was not sent again: ${key}`);
    }
    const old = answers.filter(({ at }) => at < then);
    const decision = expectedDecision(open, old, pauses, then);
    if (decision.kind !== 'wait') overdue.push(`the round is due to ${decision.kind}: ${key}`);
  }
  return overdue;
}

/**
 * Handler errors that were not injected, and the faults that `verifyCampaign` finds.
 *
 * @param isReplaced whether sites have replaced sealed updates: verification must then find faults, there and in what follows
 */
export async function finalViolations(
  simulated: SimulatedFederation,
  history: History,
  campaign: string,
  isReplaced: boolean,
): Promise<readonly string[]> {
  const errors = simulated.log.filter(
    ({ event, fields }) => /-failed$/.test(event) && event !== 'task-failed' && !INJECTED.test(String(fields.reason)),
  );
  // A campaign that was cancelled at once has no plan.
  const isPlanned = history.at(federationKeys.plan(campaign)) !== undefined;
  const { faults, rounds } = isPlanned
    ? await verifyCampaign(simulated.context.federationStore, campaign)
    : { faults: [], rounds: [] };
  return [
    ...errors.map((error) => `an error that was not injected: ${JSON.stringify(error)}`),
    ...[...faults, ...(isReplaced ? [] : rounds).flatMap((round) => round.faults)].map(
      (fault) => `verification: ${fault}`,
    ),
  ];
}
