import { isFedcardioError } from '../error.ts';
import { federationKeys } from '../federation/keys.ts';
import { mapConcurrently } from '../federation/protocol/async.ts';
import { createJson, type Document, readJson } from '../federation/protocol/documents.ts';
import { learns } from '../federation/protocol/plan.ts';
import type { StoreContext } from '../federation/protocol/ports.ts';
import { type Commit, commitSchema, type Open, type Seal, type Stage, updateSchema } from '../federation/schemas.ts';
import { names } from '../federation/topology.ts';
import type { Objects } from '../storage/contract.ts';
import type { UsableUpdate } from './candidates.ts';
import { meanFigures } from './figures.ts';
import { mergeUpdates } from './merge.ts';
import { strategyOf } from './strategies.ts';

export interface RoundContext extends StoreContext {
  readonly objects: Objects;
}

type SealedUpdate = Seal['updates'][number];
type Refused = NonNullable<Commit['refused']>[number];

const READS_AT_ONCE = 16;

/**
 * Merges what a round has sealed and publishes the result. What is refused on the way depends on the sealed bytes
 * alone, so that all who do this agree.
 *
 * @returns the round's commit, of whoever was first, or why it cannot be merged: too little of it is usable
 */
export async function commitRound(
  context: RoundContext,
  stage: Stage,
  open: Open,
  seal: Document<Seal>,
): Promise<Document<Commit> | string> {
  const { objects, now, log } = context;
  const bucket = names.federationBucket(context.federation.id);
  const { campaign, round, updates } = seal.value;
  const at = { campaign, stage: stage.name, round };

  const read = await mapConcurrently(updates, READS_AT_ONCE, (entry) => readSealed(objects, bucket, entry));
  const intact = read.filter((item) => 'update' in item);
  const changed = read.filter((item) => 'reason' in item);
  const { global, refused: unmergeable } = await mergeSealed(context, stage, open, intact);
  const refused = [...changed, ...unmergeable].sort((a, b) => (a.site < b.site ? -1 : 1));
  const merged = intact.filter(({ entry }) => !refused.some(({ site }) => site === entry.site));
  if (merged.length < stage.quorum.minSites) {
    const reasons = refused.map(({ site, reason }) => `${site}: ${reason}`).join('; ');
    return `Round ${round} of ${stage.name} failed: ${merged.length} of ${updates.length} sealed updates could be merged, ${stage.quorum.minSites} needed. ${reasons}.`;
  }

  const commit = await createJson(objects, bucket, federationKeys.commit(at), commitSchema, {
    schema: 'fedcardio.commit/1',
    ...at,
    at: now().toISOString(),
    seal: seal.sha256,
    previous: open.previous,
    samples: merged.reduce((sum, { entry }) => sum + entry.samples, 0),
    sites: merged.map(({ entry }) => entry.site),
    ...(refused.length > 0 ? { refused } : {}),
    global,
    figures: meanFigures(merged.map(({ update }) => update)),
  });
  if (commit.created)
    log('round-committed', { ...at, sites: commit.value.sites, refused, figures: commit.value.figures });
  return commit;
}

interface Intact {
  readonly entry: SealedUpdate;
  readonly update: UsableUpdate;
}

/** The metadata that was sealed, or why it is not there any more. */
async function readSealed(objects: Objects, bucket: string, entry: SealedUpdate): Promise<Intact | Refused> {
  const { site, key } = entry;
  try {
    const { value, sha256 } = await readJson(objects, bucket, key, updateSchema);
    if (value.status === 'ok' && sha256 === entry.sha256) return { entry, update: value };
    return { site, key, reason: `the update's metadata has SHA-256 ${sha256}, sealed was ${entry.sha256}` };
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_MESSAGE') && !isFedcardioError(error, 'NOT_FOUND')) throw error;
    return { site, key, reason: error.message };
  }
}

/** The new global model of a stage that learns, null for others, and the updates whose weights are not usable. */
async function mergeSealed(
  { objects, federation }: RoundContext,
  stage: Stage,
  { campaign, round }: Open,
  intact: readonly Intact[],
): Promise<{ readonly global: Commit['global']; readonly refused: readonly Refused[] }> {
  if (!learns(stage)) return { global: null, refused: [] };
  const keys = new Map(intact.map(({ entry }) => [entry.site, entry.key]));
  const inputs = intact.flatMap(({ entry: { site, samples, weights } }) =>
    weights ? [{ site, samples, weights }] : [],
  );
  const { global, refused } = await mergeUpdates(inputs, {
    objects,
    bucket: names.federationBucket(federation.id),
    key: federationKeys.global({ campaign, stage: stage.name, round }),
    strategy: strategyOf(stage.aggregation),
    minInputs: stage.quorum.minSites,
  });
  return {
    global: global ?? null,
    refused: refused.map(({ input: { site }, reason }) => ({ site, key: keys.get(site) as string, reason })),
  };
}
