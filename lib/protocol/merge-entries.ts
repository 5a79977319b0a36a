import { createHash } from 'node:crypto';
import type { MergeInput } from '../aggregation/inputs.ts';
import { mergeUpdates } from '../aggregation/merge.ts';
import type { Merged } from '../aggregation/merge-options.ts';
import { lateFactorOf } from '../aggregation/shares.ts';
import { type FederationKey, federationKeys } from '../federation/keys.ts';
import type { Aggregation, Commit, Open, Seal, StoredFile } from '../federation/schemas.ts';
import { canonicalJson, sha256Hex } from '../json.ts';
import type { FederationStore } from '../storage/contract.ts';
import type { OwnedLease } from '../storage/lease.ts';
import { networkLayout } from './network-layout.ts';
import { learns, trains } from './plan.ts';
import { privacyOfMerge, privateMerge } from './private-merge.ts';
import { startingModel } from './starting-model.ts';
import { sendsDelta } from './update-fault.ts';
import { keptModel } from './validation.ts';

export type SealEntries = Seal['updates'];
/** What a round merges: its own updates, and those of the round before that were late. */
export type Sealed = Pick<Seal, 'updates' | 'late'>;

/** The merged model and state of a round; nulls for a stage without training. */
export type MergedFiles = Pick<Commit, 'global' | 'state'>;
/** What a commit publishes of a merge. */
export type MergeResult = MergedFiles & Pick<Commit, 'norms' | 'privacy'>;
export type MergedEntries = ({ readonly kind: 'merged' } & MergeResult) | Exclude<Merged, { kind: 'merged' }>;

/**
 * Merges the updates of a seal, or of a seal to be made, under keys derived from exactly these updates. The last round of a stage
 * that validates merges nothing: it publishes the model that is kept.
 */
export async function mergeEntries(
  store: FederationStore,
  open: Open,
  sealed: Sealed,
  lease?: Pick<OwnedLease, 'renew'>,
): Promise<MergedEntries> {
  const { config, base, round } = open;
  if (!learns(config)) return { kind: 'merged', global: null, state: null };
  if (!trains(config, round)) return { kind: 'merged', global: keptModel(open, sealed.updates), state: null };
  const digest = digestOf(sealed);
  const terms = open.privacy;
  const start = !base && terms ? await startingModel(store, open) : base;
  const network = start ? undefined : await networkLayout(store, open, config);
  const privacy = await privacyOfMerge(store, open, sealed.updates, digest);
  const merged = await mergeUpdates(inputsOf(sealed, config.aggregation, round), {
    store,
    key: federationKeys.global(open, digest),
    stateKey: federationKeys.state(open, digest),
    aggregation: config.aggregation,
    base: start,
    delta: sendsDelta(open),
    dtype: config.encoding.dtype,
    ...(network ? { network } : {}),
    ...(terms && { privacy: await privateMerge(store, open, terms, digest) }),
    ...(lease ? { onPart: lease.renew } : {}),
  });
  return merged.kind === 'merged' && privacy ? { ...merged, privacy } : merged;
}

function inputsOf({ updates, late = [] }: Sealed, aggregation: Aggregation, round: number): readonly MergeInput[] {
  const factor = lateFactorOf(aggregation) ?? 1;
  const inputOf = ({ site, samples, weights }: Pick<SealEntries[number], 'site' | 'samples' | 'weights'>) =>
    weights ? [{ site, samples, weights }] : [];
  return [
    ...updates.flatMap(inputOf),
    ...late.flatMap(inputOf).map((input) => ({
      ...input,
      samples: factor * input.samples,
      late: true as const,
      // A stage's first round has no model to take a difference from.
      whole: round === 2,
    })),
  ];
}

/**
 * What the updates of a seal were merged to before they were sealed, as it is stored: no site can write there, while it
 * may have replaced its update since.
 *
 * @returns undefined if there is no such model
 */
export async function storedMerge(
  store: Pick<FederationStore, 'bucket' | 'head' | 'stream' | 'tryGet'>,
  open: Open,
  sealed: Sealed,
): Promise<MergeResult | undefined> {
  const digest = digestOf(sealed);
  const global = await storedFile(store, federationKeys.global(open, digest));
  if (!global) return undefined;
  const state = (await storedFile(store, federationKeys.state(open, digest))) ?? null;
  const privacy = await privacyOfMerge(store, open, sealed.updates, digest);
  return { global, state, ...(privacy && { privacy }) };
}

async function storedFile(
  store: Pick<FederationStore, 'head' | 'stream'>,
  key: FederationKey,
): Promise<StoredFile | undefined> {
  const info = await store.head(key);
  if (!info) return undefined;
  const hash = createHash('sha256');
  for await (const chunk of await store.stream(key)) hash.update(chunk);
  return { key, sha256: hash.digest('hex'), bytes: info.bytes };
}

/** Identifies what a round merges by 64 bits, which only have to differ between the merges of one round. */
export const digestOf = ({ updates, late = [] }: Sealed): string =>
  sha256Hex(canonicalJson([...updates, ...late])).slice(0, 16);
