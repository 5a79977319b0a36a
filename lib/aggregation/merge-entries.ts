import { federationKeys } from '../federation/keys.ts';
import type { RoundTerms } from '../federation/protocol/answers.ts';
import { canonicalJson, sha256Hex } from '../federation/protocol/json.ts';
import { learns } from '../federation/protocol/plan.ts';
import type { Commit, Seal } from '../federation/schemas.ts';
import type { Objects } from '../storage/contract.ts';
import { type Merged, mergeUpdates } from './merge.ts';
import { strategyOf } from './strategies.ts';

export type SealEntries = Seal['updates'];

/** What a round's updates merge to: null for a stage that learns nothing. */
export type MergedEntries =
  | { readonly kind: 'merged'; readonly global: Commit['global'] }
  | Exclude<Merged, { kind: 'merged' }>;

/** Merges the updates that a round seals or is to seal, under a key that depends on exactly these. */
export async function mergeEntries(objects: Objects, terms: RoundTerms, entries: SealEntries): Promise<MergedEntries> {
  const { bucket, open, stage } = terms;
  if (!learns(stage)) return { kind: 'merged', global: null };
  const inputs = entries.flatMap(({ site, samples, weights }) => (weights ? [{ site, samples, weights }] : []));
  return mergeUpdates(inputs, {
    objects,
    bucket,
    key: federationKeys.global(open, digestOf(entries)),
    strategy: strategyOf(stage.aggregation),
    base: open.base?.key,
  });
}

/** Names a list of updates. Sixty-four bits: it has to differ from the other lists of one round only. */
export const digestOf = (entries: SealEntries): string => sha256Hex(canonicalJson(entries)).slice(0, 16);
