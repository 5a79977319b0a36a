import { federationKeys, type RoundAddress } from '../federation/keys.ts';
import { collect } from '../federation/protocol/async.ts';
import { createJson, type Document, readJson } from '../federation/protocol/documents.ts';
import { endCampaign } from '../federation/protocol/outcome.ts';
import { stageOf } from '../federation/protocol/plan.ts';
import { roundStates } from '../federation/protocol/state.ts';
import { openSchema, planSchema, type Seal, sealSchema } from '../federation/schemas.ts';
import { names } from '../federation/topology.ts';
import { decideRound } from './candidates.ts';
import { commitRound, type RoundContext } from './commit-round.ts';

/** What a look at a round found or did. */
export type RoundResult = 'not-open' | 'ended' | 'waiting' | 'failed' | 'committed';

/**
 * Looks at a round and closes it when its time has come: seals the updates, merges them, publishes the commit. Every
 * step is created once and read by all others, so that any number of callers at once, or after a crash at any point,
 * arrive at one commit. A round that cannot be merged ends its campaign, with the reason.
 */
export async function closeRound(context: RoundContext, at: RoundAddress): Promise<RoundResult> {
  const { objects, federation } = context;
  const bucket = names.federationBucket(federation.id);
  const prefix = federationKeys.round(at);
  const round = roundStates(await collect(objects.list(bucket, prefix))).get(prefix);
  if (!round) return 'not-open';
  if (round.phase === 'committed') return 'committed';
  if (await objects.head(bucket, federationKeys.outcome(at.campaign))) return 'ended';

  const plan = await readJson(objects, bucket, federationKeys.plan(at.campaign), planSchema);
  const open = await readJson(objects, bucket, federationKeys.open(at), openSchema);
  const stage = stageOf(plan.value, at.stage);
  const publish = async (seal: Document<Seal>): Promise<RoundResult> => {
    const commit = await commitRound(context, stage, open.value, seal);
    if (typeof commit !== 'string') return 'committed';
    await endCampaign(context, at.campaign, 'failed', commit);
    return 'failed';
  };
  if (round.phase === 'sealed') {
    const sealed = await readJson(objects, bucket, federationKeys.seal(at), sealSchema);
    return publish(sealed);
  }
  const decision = await decideRound(objects, { bucket, open: open.value, stage }, round.answers, context.now());
  if (decision.kind === 'wait') return 'waiting';
  if (decision.kind === 'fail') {
    await endCampaign(context, at.campaign, 'failed', decision.reason);
    return 'failed';
  }
  const seal = await createJson(objects, bucket, federationKeys.seal(at), sealSchema, {
    schema: 'fedcardio.seal/1',
    ...at,
    at: context.now().toISOString(),
    open: open.sha256,
    updates: decision.accepted.flatMap(({ site, key, update }) => {
      if (!update) return [];
      const { samples, weights } = update.value;
      return [{ site, key, sha256: update.sha256, samples, weights }];
    }),
    failed: decision.failed.map(({ site, key, fault }) => ({ site, key, reason: fault })),
  });
  return publish(seal);
}
