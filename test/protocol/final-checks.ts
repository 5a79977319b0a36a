import { collect } from '../../lib/async.ts';
import { federationKeys, parseRoundKey, type RoundAddress } from '../../lib/federation/keys.ts';
import type { Control, Open, Seal } from '../../lib/federation/schemas.ts';
import { sha256Hex } from '../../lib/json.ts';
import { verifyCampaign } from '../../lib/protocol/verify-campaign.ts';
import type { RoundVerification } from '../../lib/protocol/verify-round.ts';
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
    const listings = open.participants.map(({ site }) =>
      collect(context.federationStore.list(federationKeys.siteUpdates(round.at, site))),
    );
    const answers = seenAnswers((await Promise.all(listings)).flat(), monitor.isUsable);
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

/** Handler errors that were not injected, and what `verifyCampaign` reports wrongly or overlooks. */
export async function finalViolations(
  simulated: SimulatedFederation,
  history: History,
  { attacked }: Monitor,
  campaign: string,
): Promise<readonly string[]> {
  // A GPU task may fail on what its own site has written over its answer.
  const isOwn = ({ site, reason }: Readonly<Record<string, unknown>>) =>
    site !== undefined && [...attacked].some((key) => String(reason).startsWith(`${key} is not JSON`));
  const errors = simulated.log.filter(
    ({ event, fields }) =>
      /-failed$/.test(event) && event !== 'task-failed' && !INJECTED.test(String(fields.reason)) && !isOwn(fields),
  );
  // A campaign that was cancelled at once has no plan.
  const isPlanned = history.at(federationKeys.plan(campaign)) !== undefined;
  const { faults, rounds } = isPlanned
    ? await verifyCampaign(simulated.context.federationStore, campaign)
    : { faults: [], rounds: [] };
  return [
    ...errors.map((error) => `an error that was not injected: ${JSON.stringify(error)}`),
    ...faults.map((fault) => `verification: ${fault}`),
    ...rounds.flatMap((round) => misjudged(round, replacedBy(history, round.at))),
  ];
}

/** Sites whose sealed update or weights are no longer what was sealed. */
function replacedBy(history: History, at: RoundAddress): readonly string[] {
  const isChanged = ({ key, sha256 }: { readonly key: string; readonly sha256: string }) =>
    sha256Hex(history.at(key)!.body) !== sha256;
  const { updates, late = [] } = jsonOf<Seal>(history.at(federationKeys.seal(at))!);
  return [...updates, ...late].flatMap(({ site, weights, ...update }) =>
    isChanged(update) || (weights && isChanged(weights)) ? [site] : [],
  );
}

/** Verification names every site that has replaced its sealed update, in that round, and nothing else. */
function misjudged({ at, faults }: RoundVerification, replaced: readonly string[]): readonly string[] {
  const isOf = (fault: string, site: string) => fault.startsWith(`${site}: `);
  const isExplained = (fault: string) =>
    replaced.some((site) => isOf(fault, site)) || (replaced.length > 0 && fault === FIGURES_DIFFER);
  return [
    ...faults
      .filter((fault) => !isExplained(fault))
      .map((fault) => `verification of ${at.stage} ${at.round}: ${fault}`),
    ...replaced
      .filter((site) => !faults.some((fault) => isOf(fault, site)))
      .map((site) => `verification of ${at.stage} ${at.round} overlooks that ${site} has replaced its update`),
  ];
}
const FIGURES_DIFFER = 'the figures are not the means of its updates';
