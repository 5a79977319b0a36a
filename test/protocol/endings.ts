import { collect } from '../../lib/async.ts';
import { federationKeys, parseRoundKey } from '../../lib/federation/keys.ts';
import type { Control, Open } from '../../lib/federation/schemas.ts';
import { verifyCampaign } from '../../lib/protocol/verify-campaign.ts';
import { type History, jsonOf } from './history.ts';
import { INJECTED } from './invocation.ts';
import type { SimulatedFederation } from './simulated-federation.ts';
import { seenAnswers, verdictOf } from './verdict.ts';
import type { Watch } from './watch.ts';

/** What only shows once nothing goes wrong any more. */

/**
 * What a sweep should have done and has not: participants of open rounds that have not answered and that nobody has
 * asked for so long, and rounds whose time to close came so long ago.
 *
 * @param seconds in which a sweep must have come by, with a clock that is wrong and past somebody's lease
 */
export async function neglected(
  { context, bucket }: SimulatedFederation,
  history: History,
  watch: Watch,
  campaign: string,
  seconds: number,
): Promise<readonly string[]> {
  const then = new Date(context.now().getTime() - seconds * 1000);
  const control = history.at(federationKeys.control(campaign));
  const pauses = control ? jsonOf<Control>(control).pauses : [];
  const found: string[] = [];
  for (const key of history.keys()) {
    const round = parseRoundKey(key);
    if (round?.rest !== 'open.json' || history.at(federationKeys.seal(round.at))) continue;
    const open = jsonOf<Open>(history.at(key)!);
    const prefix = federationKeys.round(round.at);
    const answers = seenAnswers(await collect(context.objects.list(bucket, prefix)), watch.isUsable);
    for (const { site } of open.participants) {
      const asked = watch.asked(prefix, site);
      const isWaitedFor = !answers.some((answer) => answer.site === site);
      if (isWaitedFor && !(asked && asked >= then)) found.push(`${site} is waited for and not asked again: ${key}`);
    }
    const old = answers.filter(({ at }) => at < then);
    const verdict = verdictOf(open, old, pauses, then);
    if (verdict.kind !== 'wait') found.push(`the time to ${verdict.kind} has passed: ${key}`);
  }
  return found;
}

/** Errors that handlers report and nobody injected, and what the product's own verification finds. */
export async function blemishes(
  world: SimulatedFederation,
  history: History,
  campaign: string,
): Promise<readonly string[]> {
  const errors = world.log.filter(
    ({ event, fields }) => /-failed$/.test(event) && event !== 'task-failed' && !INJECTED.test(String(fields.reason)),
  );
  // One that was cancelled at once has no plan.
  const isPlanned = history.at(federationKeys.plan(campaign)) !== undefined;
  const { faults, rounds } = isPlanned ? await verifyCampaign(world.context, campaign) : { faults: [], rounds: [] };
  return [
    ...errors.map((error) => `an error that nobody injected: ${JSON.stringify(error)}`),
    ...[...faults, ...rounds.flatMap((round) => round.faults)].map((fault) => `verification: ${fault}`),
  ];
}
