import { type Merged, mergeUpdates } from '../aggregation/merge.ts';
import { federationKeys } from '../federation/keys.ts';
import type { Commit, Seal } from '../federation/schemas.ts';
import { canonicalJson, sha256Hex } from '../json.ts';
import type { Objects } from '../storage/contract.ts';
import type { HeldLease } from '../storage/lease.ts';
import type { RoundTerms } from './answers.ts';
import { learns } from './plan.ts';
import { sendsDelta } from './update-fault.ts';

export type SealEntries = Seal['updates'];

/** What a round's updates merge to: nulls for a stage that learns nothing. */
export type MergedFiles = Pick<Commit, 'global' | 'state'>;
export type MergedEntries = ({ readonly kind: 'merged' } & MergedFiles) | Exclude<Merged, { kind: 'merged' }>;

/** Merges the updates that a round seals or is to seal, under keys that depend on exactly these. */
export async function mergeEntries(
  objects: Objects,
  { bucket, open }: RoundTerms,
  entries: SealEntries,
  lease?: Pick<HeldLease, 'renew'>,
): Promise<MergedEntries> {
  const { config, base } = open;
  if (!learns(config)) return { kind: 'merged', global: null, state: null };
  const inputs = entries.flatMap(({ site, samples, weights }) => (weights ? [{ site, samples, weights }] : []));
  const digest = digestOf(entries);
  return mergeUpdates(inputs, {
    objects,
    bucket,
    key: federationKeys.global(open, digest),
    stateKey: federationKeys.state(open, digest),
    aggregation: config.aggregation,
    base,
    delta: sendsDelta(open),
    dtype: config.encoding.dtype,
    ...(lease ? { onPart: lease.renew } : {}),
  });
}

/** Names a list of updates. Sixty-four bits: it has to differ from the other lists of one round only. */
export const digestOf = (entries: SealEntries): string => sha256Hex(canonicalJson(entries)).slice(0, 16);
