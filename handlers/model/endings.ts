import { verifyCampaign } from '../../lib/aggregation/verify-campaign.ts';
import { federationKeys, parseRoundKey } from '../../lib/federation/keys.ts';
import type { Open } from '../../lib/federation/schemas.ts';
import type { SimulatedFederation } from '../simulated-federation.ts';
import { type History, jsonOf } from './history.ts';
import { INJECTED } from './invocation.ts';
import type { Watch } from './watch.ts';

/** What only shows once nothing goes wrong any more. */

/**
 * Participants of open rounds that have not answered, although nobody has asked them for so long.
 *
 * @param seconds in which a sweep must have come by and found that it is time
 */
export function forgotten(history: History, watch: Watch, now: Date, seconds: number): readonly string[] {
  return [...history.keys()].flatMap((key) => {
    const round = parseRoundKey(key);
    if (round?.rest !== 'open.json' || history.at(federationKeys.seal(round.at))) return [];
    const answered = [...history.keys()].filter((other) => other.endsWith('.update.json'));
    return jsonOf<Open>(history.at(key)!).participants.flatMap(({ site }) => {
      const asked = watch.asked(federationKeys.round(round.at), site);
      const hasAnswered = answered.some((other) => other.startsWith(federationKeys.siteUpdates(round.at, site)));
      if (hasAnswered || (asked && now.getTime() - asked.getTime() <= seconds * 1000)) return [];
      return [`${site} was asked for ${key} ${asked ? `last at ${asked.toISOString()}` : 'never'}`];
    });
  });
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
