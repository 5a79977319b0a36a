import { isFedcardioError } from '../../lib/error.ts';
import { federationKeys, parseRoundKey, parseUpdateKey, type RoundAddress } from '../../lib/federation/keys.ts';
import type { Open } from '../../lib/federation/schemas.ts';
import { canonicalJson } from '../../lib/json.ts';
import { cancelCampaign, pauseCampaign, resumeCampaign } from '../../lib/protocol/control.ts';
import { asFederationRole, asSiteRole } from '../helpers/roles.ts';
import { attackRound } from './attacks.ts';
import { type History, jsonOf } from './history.ts';
import type { Invocation } from './invocation.ts';
import type { Monitor } from './monitor.ts';
import type { Command } from './scenario.ts';
import { answerGpuTask, type SimulatedSite, summaryOf } from './simulated-site.ts';

/** The part of the model's state that commands read and change. */
export interface ModelState {
  readonly campaign: string;
  /** Current sites, by index. */
  readonly sites: SimulatedSite[];
  readonly members: Set<string>;
  /** Sites that are writing their summary. One write at a time, so that no old count replaces a new one. */
  readonly counting: Set<string>;
  readonly history: History;
  readonly monitor: Monitor;
}

/** Runs one command as its own invocation. */
export async function runCommand(command: Command, by: Invocation, state: ModelState): Promise<void> {
  const { campaign, sites, members, counting, history } = state;
  const { context } = by;
  const research = asFederationRole(context, 'research');
  const site = 'site' in command ? sites[command.site] : undefined;
  switch (command.kind) {
    case 'pause':
      await pauseCampaign(research, campaign);
      return;
    case 'resume':
      await resumeCampaign(research, campaign);
      return;
    case 'cancel':
      await cancelCampaign(research, campaign);
      return;
  }
  if (!site) return;
  switch (command.kind) {
    case 'leave':
      members.delete(site.id);
      return;
    case 'join':
    case 'grow': {
      if (counting.has(site.id)) return;
      counting.add(site.id);
      const grown = { ...site, samples: site.samples + (command.kind === 'grow' ? 7 : 0) };
      const summary = canonicalJson(summaryOf(grown, context.now()));
      await context.federationStore
        .put(federationKeys.summary(site.id), summary)
        .finally(() => counting.delete(site.id));
      // GPU tasks train on counted cases only.
      sites[command.site] = grown;
      if (command.kind === 'join') members.add(site.id);
      return;
    }
    case 'unsolicited-answer': {
      const at = openedRound(history, command.roundsBack);
      if (at) await writeUnsolicitedAnswer(at, site, command.flaw, by, state);
      return;
    }
    case 'attack': {
      const at = openedRound(history, command.roundsBack);
      const { federationStore, now } = asSiteRole(context, site.id, 'task');
      const intakeStore = asSiteRole(context, site.id, 'intake').federationStore;
      const onUsable = (key: string) => state.monitor.expectAnswer(by, key, true);
      if (at) await attackRound({ federationStore, intakeStore, now, history, onUsable }, site, at, command);
      return;
    }
  }
}

/** The round that was opened last, or one that was opened before it. */
function openedRound(history: History, roundsBack: number): RoundAddress | undefined {
  const rounds = [...history.keys()].flatMap((key) => (key.endsWith('/open.json') ? [parseRoundKey(key)!.at] : []));
  return rounds.at(-1 - roundsBack);
}

/** Writes an answer to a round that may not have asked for it. */
async function writeUnsolicitedAnswer(
  at: RoundAddress,
  site: SimulatedSite,
  flaw: Extract<Command, { kind: 'unsolicited-answer' }>['flaw'],
  by: Invocation,
  { history, monitor }: ModelState,
): Promise<void> {
  const { context } = by;
  const put = async (id: string, body: string) => {
    const key = federationKeys.update(at, site.id, id);
    monitor.expectAnswer(by, key, false);
    await context.federationStore.putIfAbsent(key, body);
  };
  if (flaw === 'garbage') return put('garbage', '{');
  if (flaw === 'misfiled') {
    for (const key of history.keys()) {
      const update = parseUpdateKey(key);
      if (!update?.id || update.site !== site.id) continue;
      if (federationKeys.round(update.at) === federationKeys.round(at)) continue;
      return put(update.id, history.at(key)!.body.toString());
    }
    return;
  }
  const { participants, quorum, previous, schema, validation, ...terms } = jsonOf<Open>(
    history.at(federationKeys.open(at))!,
  );
  const message = { schema: 'fedcardio.task/1', federation: context.federation.id, ...terms } as const;
  // With one case less, the weights differ from those of the site's own GPU task.
  const other = { ...site, behaviour: flaw, samples: Math.max(1, site.samples - 1) };
  await answerGpuTask(context, other, { ...message, site: site.id, resent: false }, (key, isUsable) =>
    monitor.expectAnswer(by, key, isUsable),
  ).catch((error) => {
    // A hostile site may have given this answer before, and have replaced it since: nothing is written then.
    if (!isFedcardioError(error, 'BAD_MESSAGE')) throw error;
  });
}
