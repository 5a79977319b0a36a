import { createHash } from 'node:crypto';
import { describeError, isFedcardioError } from '../error.ts';
import type { FederationKey, RoundAddress } from '../federation/keys.ts';
import { federationKeys } from '../federation/keys.ts';
import {
  type Commit,
  commitSchema,
  type Open,
  openSchema,
  type Plan,
  type Seal,
  type StoredFile,
  sealSchema,
  updateSchema,
} from '../federation/schemas.ts';
import { canonicalJson } from '../json.ts';
import type { FederationStore } from '../storage/contract.ts';
import { type Document, readJson } from '../storage/documents.ts';
import { figuresOf } from './commit-round.ts';
import { type MergedFiles, mergeEntries } from './merge-entries.ts';
import { stageOf } from './plan.ts';
import { updateFault } from './update-fault.ts';

/** A round's place in the chain of its stage. */
export interface Link {
  readonly plan: Document<Plan>;
  readonly at: RoundAddress;
  /** Commit of the previous round; undefined in a stage's first round. */
  readonly previous: Document<Commit> | undefined;
}

/** The differences between a recomputed and a stored round. */
export interface RoundVerification {
  readonly at: RoundAddress;
  readonly faults: readonly string[];
  readonly commit: Document<Commit> | undefined;
}

/**
 * Recomputes a committed round from its sites' updates: terms, seal, the hash of every update, the merge to the last
 * byte, and the figures. Read-only. An unreadable object is a fault. Thrown are storage failures, and
 * `NEWER_SCHEMA` for a campaign of a newer release.
 */
export async function verifyRound(store: FederationStore, link: Link): Promise<RoundVerification> {
  const { at } = link;
  try {
    const open = await readJson(store, federationKeys.open(at), openSchema);
    const seal = await readJson(store, federationKeys.seal(at), sealSchema);
    const commit = await readJson(store, federationKeys.commit(at), commitSchema);
    const faults = [
      ...chainFaults(link, open, seal, commit),
      ...(await updateFaults(store, open.value, seal.value)),
      ...(await mergeFaults(store, open.value, seal.value, commit.value)),
    ];
    return { at, faults, commit };
  } catch (error) {
    if (!['BAD_MESSAGE', 'NOT_FOUND', 'BAD_WEIGHTS'].some((code) => isFedcardioError(error, code as never)))
      throw error;
    return { at, faults: [describeError(error)], commit: undefined };
  }
}

/** Faults within the round's own documents. */
function chainFaults(
  { plan, at, previous }: Link,
  open: Document<Open>,
  seal: Document<Seal>,
  commit: Document<Commit>,
): readonly string[] {
  const { sites } = commit.value;
  const sealed = seal.value.updates.map(({ site }) => site);
  const participants = open.value.participants.map(({ site }) => site);
  const global = previous?.value.global;
  const base = previous && global ? { commit: previous.sha256, ...global, state: previous.value.state } : null;
  const link = base?.commit ?? plan.sha256;
  const samples = seal.value.updates.reduce((sum, update) => sum + update.samples, 0);
  const claims: readonly (readonly [boolean, string])[] = [
    [same(open.value.config, stageOf(plan.value, at.stage)), 'open.json does not have the terms of the plan'],
    [same(open.value.base, base), 'open.json does not start from the model of the previous round'],
    [open.value.previous === link, 'open.json does not name the previous link'],
    [seal.value.open === open.sha256, 'seal.json does not name open.json'],
    [commit.value.seal === seal.sha256, 'commit.json does not name seal.json'],
    [commit.value.previous === link, 'commit.json does not name the previous link'],
    [same(sealed, [...new Set(sealed)].sort()), 'seal.json does not list one update per site, sorted by site'],
    [sealed.every((site) => participants.includes(site)), 'seal.json lists sites that are not participants'],
    [same(sites, sealed), 'commit.json lists other sites than seal.json'],
    [commit.value.samples === samples, 'commit.json counts a different number of samples than seal.json'],
  ];
  return claims.flatMap(([holds, fault]) => (holds ? [] : [fault]));
}

/** Faults of the sealed updates' metadata. Their weights are hashed during the merge. */
async function updateFaults(store: FederationStore, open: Open, seal: Seal): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const { site, key, sha256, samples, weights } of seal.updates) {
    const update = await readJson(store, key, updateSchema);
    if (update.sha256 !== sha256) faults.push(`${site}: the update's metadata has changed since it was sealed`);
    const fault = updateFault(update.value, open, { site, weightsBytes: weights?.bytes });
    if (fault !== undefined) faults.push(`${site}: ${fault}`);
    if (update.value.status === 'ok' && update.value.samples !== samples)
      faults.push(`${site}: seal.json counts a different number of samples`);
  }
  return faults;
}

/** Faults of the merge, found by merging again. */
async function mergeFaults(store: FederationStore, open: Open, seal: Seal, commit: Commit): Promise<readonly string[]> {
  const again = await mergeEntries(discardingWrites(store), open, seal.updates);
  if (again.kind === 'impossible') return [again.reason];
  if (again.kind === 'refused') return again.refused.map(({ input, reason }) => `${input.site}: ${reason}`);
  const stored = await storedFiles(store, commit);
  const faults: string[] = [];
  for (const [file, what] of [
    ['global', 'the model'],
    ['state', "the server optimiser's state"],
  ] as const) {
    if (!same(again[file], commit[file])) faults.push(`${what} is not what its updates merge to`);
    if (!same(stored[file], commit[file])) faults.push(`${what} in the bucket is not the one that commit.json names`);
  }
  if (!same(again.norms ?? null, commit.norms ?? null)) faults.push('the norms are not those of its updates');
  const figures = await figuresOf(store, seal.updates);
  if (!same(figures, commit.figures)) faults.push('the figures are not the means of its updates');
  return faults;
}

/** Current length and SHA-256 of the files that a commit names. */
async function storedFiles(store: FederationStore, { global, state }: MergedFiles): Promise<MergedFiles> {
  return { global: global && (await storedFile(global.key)), state: state && (await storedFile(state.key)) };

  async function storedFile(key: FederationKey): Promise<StoredFile> {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of await store.stream(key)) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    return { key, sha256: hash.digest('hex'), bytes };
  }
}

/** The same store for reads; writes are consumed and discarded. */
const discardingWrites = (store: FederationStore): FederationStore => ({
  ...store,
  put: async () => ({ etag: '' }),
  putParts: async (_key, parts) => {
    for await (const _part of parts);
    return { etag: '' };
  },
});

const same = (a: unknown, b: unknown): boolean => canonicalJson(a) === canonicalJson(b);
