import { federationKeys, parseRoundKey, parseUpdateName, type RoundAddress } from '../../lib/federation/keys.ts';
import type { Open } from '../../lib/federation/schemas.ts';
import { names } from '../../lib/federation/topology.ts';
import { canonicalJson } from '../../lib/json.ts';
import { cancelCampaign, pauseCampaign, resumeCampaign } from '../../lib/protocol/control.ts';
import { type History, jsonOf } from './history.ts';
import type { Invocation } from './invocation.ts';
import type { Act } from './scenario.ts';
import { answerGpuTask, type SimulatedSite, summaryOf } from './simulated-site.ts';
import type { Watch } from './watch.ts';

/** What acts change and look at. */
export interface Scene {
  readonly campaign: string;
  /** The sites as they are now, by their index. */
  readonly sites: SimulatedSite[];
  readonly members: Set<string>;
  /** Sites that are counting their cases: one count at a time, so that no old one overwrites a new one. */
  readonly counting: Set<string>;
  readonly history: History;
  readonly watch: Watch;
}

/** Does one act, as an invocation of its own. */
export async function perform(act: Act, by: Invocation, scene: Scene): Promise<void> {
  const { campaign, sites, members, counting, history } = scene;
  const { context } = by;
  const bucket = names.federationBucket(context.federation.id);
  const site = 'site' in act ? sites[act.site] : undefined;
  switch (act.kind) {
    case 'pause':
      await pauseCampaign(context, campaign);
      return;
    case 'resume':
      await resumeCampaign(context, campaign);
      return;
    case 'cancel':
      await cancelCampaign(context, campaign);
      return;
  }
  if (!site) return;
  switch (act.kind) {
    case 'leave':
      members.delete(site.id);
      return;
    case 'join':
    case 'grow': {
      if (counting.has(site.id)) return;
      counting.add(site.id);
      const grown = { ...site, samples: site.samples + (act.kind === 'grow' ? 7 : 0) };
      const summary = canonicalJson(summaryOf(grown, context.now()));
      await context.objects
        .put(bucket, federationKeys.summary(site.id), summary)
        .finally(() => counting.delete(site.id));
      // Only what has been counted is trained on.
      sites[act.site] = grown;
      if (act.kind === 'join') members.add(site.id);
      return;
    }
    case 'stray': {
      const rounds = [...history.keys()].flatMap((key) => (key.endsWith('/open.json') ? [parseRoundKey(key)!.at] : []));
      const at = rounds.at(-1 - act.roundsBack);
      if (at) await stray(at, site, act.flaw, by, scene);
      return;
    }
  }
}

/** Answers a round that may not have asked. */
async function stray(
  at: RoundAddress,
  site: SimulatedSite,
  flaw: Extract<Act, { kind: 'stray' }>['flaw'],
  by: Invocation,
  { history, watch }: Scene,
): Promise<void> {
  const { context } = by;
  const put = async (id: string, body: string) => {
    const key = federationKeys.update(at, site.id, id);
    watch.answering(by, key, false);
    await context.objects.putIfAbsent(names.federationBucket(context.federation.id), key, body);
  };
  if (flaw === 'garbage') return put('garbage', '{');
  if (flaw === 'misfiled') {
    for (const key of history.keys()) {
      const found = parseRoundKey(key);
      const update = found && parseUpdateName(found.rest);
      if (update?.site !== site.id || federationKeys.round(found!.at) === federationKeys.round(at)) continue;
      return put(update.id, history.at(key)!.body.toString());
    }
    return;
  }
  const { participants, quorum, previous, schema, ...terms } = jsonOf<Open>(history.at(federationKeys.open(at))!);
  const message = { schema: 'fedcardio.task/1', federation: context.federation.id, ...terms } as const;
  // One case less than it has: other weights than those of its task.
  const other = { ...site, behaviour: flaw, samples: Math.max(1, site.samples - 1) };
  await answerGpuTask(context, other, { ...message, site: site.id, resent: false }, (key, isUsable) =>
    watch.answering(by, key, isUsable),
  );
}
