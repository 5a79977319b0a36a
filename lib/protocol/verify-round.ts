import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { describeError, type ErrorCode, isFedcardioError } from '../error.ts';
import type { FederationKey, RoundAddress } from '../federation/keys.ts';
import { federationKeys } from '../federation/keys.ts';
import {
  type Commit,
  commitSchema,
  mergedSchema,
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
import { missedBefore } from './late.ts';
import { type MergedFiles, mergeEntries } from './merge-entries.ts';
import { baseOf } from './opening.ts';
import { learns, stageOf } from './plan.ts';
import { roundPrivacy } from './round-privacy.ts';
import { maskedFault } from './secure/masked-fault.ts';
import { mergeMasked, sumEntries } from './secure/merge-masked.ts';
import { cohortOf } from './secure/round.ts';
import { readOpened } from './secure/survivors.ts';
import { fixedPointOf, secureTermsOf } from './secure/terms.ts';
import { updateFault } from './update-fault.ts';
import { reportOf, roundAfter, validationAfter } from './validation.ts';

/** A round's place in the chain of its stage. */
export interface Link {
  readonly plan: Document<Plan>;
  readonly at: RoundAddress;
  /** Commit of the previous round; null if it cannot be read, undefined in a stage's first round. */
  readonly previous: Document<Commit> | null | undefined;
}

/** The differences between a recomputed and a stored round. */
export interface RoundVerification {
  readonly at: RoundAddress;
  readonly faults: readonly string[];
  /** Null if it cannot be read. */
  readonly commit: Document<Commit> | null;
}

/**
 * Recomputes a committed round from its sites' updates: terms, seal, the hash of every update, the merge to the last
 * byte, and the figures. Read-only. An unreadable object is a fault of its own round alone. Thrown are storage failures,
 * and `NEWER_SCHEMA` for a campaign of a newer release.
 */
export async function verifyRound(store: FederationStore, link: Link): Promise<RoundVerification> {
  const { at } = link;
  const faults: string[] = [];
  const read = <S extends z.ZodType>(key: FederationKey, schema: S) =>
    orFault(faults, () => readJson(store, key, schema));
  const open = await read(federationKeys.open(at), openSchema);
  const seal = await read(federationKeys.seal(at), sealSchema);
  const commit = (await read(federationKeys.commit(at), commitSchema)) ?? null;
  if (open && seal && commit) {
    faults.push(...chainFaults(link, open, seal, commit));
    const checkResult = open.value.secure ? checkMasked : checkMerge;
    if (open.value.secure) await orFault(faults, () => checkCohort(faults, store, link, open.value));
    await checkUpdates(faults, store, open.value, seal.value.updates);
    await orFault(faults, () => checkLate(faults, store, open.value, seal.value));
    await orFault(faults, () => checkResult(faults, store, open.value, seal.value, commit.value));
  }
  return { at, faults, commit };
}

/** Codes of errors that a campaign's own objects cause. */
const OF_OBJECTS: readonly ErrorCode[] = ['BAD_MESSAGE', 'NOT_FOUND', 'BAD_WEIGHTS', 'BAD_CONFIGURATION'];

/** The result of `work`. If an object that it reads is missing, unreadable or impossible, that is a fault. */
export async function orFault<T>(faults: string[], work: () => Promise<T>, prefix = ''): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!OF_OBJECTS.some((code) => isFedcardioError(error, code))) throw error;
    faults.push(prefix + describeError(error));
    return undefined;
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
  const link = previous?.sha256 ?? plan.sha256;
  // The round before has a fault of its own then.
  const isKnown = previous !== null;
  const stage = stageOf(plan.value, at.stage);
  const samples = seal.value.updates.reduce((sum, update) => sum + update.samples, 0);
  const claims: readonly (readonly [boolean, string])[] = [
    [same(open.value.config, stage), 'open.json does not have the terms of the plan'],
    [
      (secureTermsOf(plan.value.campaign, stage) === undefined) === (open.value.secure === undefined),
      'open.json does not ask for masks as the plan does',
    ],
    [
      !isKnown || at.round === (previous ? roundAfter(stage, previous.value) : 1),
      'the round does not follow the previous one',
    ],
    [
      !isKnown || same(open.value.base, baseOf(previous ?? undefined)),
      'open.json does not start from the model of the previous round',
    ],
    [
      !isKnown || same(open.value.validation ?? null, previous?.value.validation ?? null),
      'open.json does not go on from the validation of the previous round',
    ],
    [
      !isKnown ||
        same(open.value.privacy ?? null, roundPrivacy(plan.value.campaign, stage, at.round, previous?.value) ?? null),
      'open.json does not have the privacy of the plan',
    ],
    [!isKnown || open.value.previous === link, 'open.json does not name the previous link'],
    [seal.value.open === open.sha256, 'seal.json does not name open.json'],
    [commit.value.seal === seal.sha256, 'commit.json does not name seal.json'],
    [!isKnown || commit.value.previous === link, 'commit.json does not name the previous link'],
    [same(sealed, [...new Set(sealed)].sort()), 'seal.json does not list one update per site, sorted by site'],
    [sealed.every((site) => participants.includes(site)), 'seal.json lists sites that are not participants'],
    [same(sites, sealed), 'commit.json lists other sites than seal.json'],
    [
      same(commit.value.validation ?? null, validationAfter(open.value, seal.value.updates) ?? null),
      'the validation is not that of its updates',
    ],
    [commit.value.samples === samples, 'commit.json counts a different number of samples than seal.json'],
  ];
  return claims.flatMap(([holds, fault]) => (holds ? [] : [fault]));
}

/** Checks the sealed updates' metadata. Their weights are hashed during the merge. */
async function checkUpdates(
  faults: string[],
  store: FederationStore,
  open: Open,
  updates: Seal['updates'],
): Promise<void> {
  for (const { site, key, sha256, samples, weights, validation, clipped } of updates) {
    const update = await orFault(faults, () => readJson(store, key, updateSchema), `${site}: `);
    if (!update) continue;
    if (update.sha256 !== sha256) faults.push(`${site}: the update's metadata has changed since it was sealed`);
    const fault = updateFault(update.value, open, { site, weightsBytes: weights?.bytes });
    if (fault !== undefined) faults.push(`${site}: ${fault}`);
    if (update.value.status === 'ok' && update.value.samples !== samples)
      faults.push(`${site}: seal.json counts a different number of samples`);
    if (update.value.status === 'ok' && !same(validation ?? null, reportOf(open, update.value) ?? null))
      faults.push(`${site}: seal.json has another validation`);
    if (update.value.status === 'ok' && clipped !== update.value.privacy?.clipped)
      faults.push(`${site}: seal.json says otherwise whether the update was clipped`);
  }
}

/** Checks that the late updates are ones of the round before that it did not merge. */
async function checkLate(faults: string[], store: FederationStore, open: Open, { late = [] }: Seal): Promise<void> {
  if (late.length === 0) return;
  const before = await missedBefore(store, open);
  if (!before) {
    faults.push('seal.json lists late updates, but the stage does not merge any');
    return;
  }
  const sites = late.map(({ site }) => site);
  if (!same(sites, [...new Set(sites)].sort()))
    faults.push('seal.json does not list one late update per site, sorted by site');
  await checkUpdates(faults, store, before, late);
}

/** Checks the merge by merging again. */
async function checkMerge(
  faults: string[],
  store: FederationStore,
  open: Open,
  seal: Seal,
  commit: Commit,
): Promise<void> {
  const again = await mergeEntries(discardingWrites(store), open, seal);
  if (again.kind === 'impossible') faults.push(again.reason);
  const unreadable = again.kind === 'refused' && again.refused.find((refused) => refused.unreadable)?.unreadable;
  if (unreadable) throw unreadable.error;
  if (again.kind === 'refused') faults.push(...again.refused.map(({ input, reason }) => `${input.site}: ${reason}`));
  await checkFiles(faults, store, again, commit);
  if (again.kind === 'merged' && !same(again.norms ?? null, commit.norms ?? null))
    faults.push('the norms are not those of its updates');
  if (again.kind === 'merged' && !same(again.privacy ?? null, commit.privacy ?? null))
    faults.push('commit.json does not state the privacy of the round');
  const figures = await figuresOf(store, seal.updates);
  if (!same(figures, commit.figures)) faults.push('the figures are not the means of its updates');
}

/** Compares the files of a commit with what its updates merge to, and with what is stored. */
async function checkFiles(
  faults: string[],
  store: FederationStore,
  again: ({ readonly kind: 'merged' } & MergedFiles) | { readonly kind: 'impossible' | 'refused' } | undefined,
  commit: Commit,
): Promise<void> {
  const stored = await storedFiles(store, commit);
  if (commit.global) {
    const merged = await orFault(faults, () => readJson(store, federationKeys.merged(commit), mergedSchema));
    if (merged && !same(merged.value.global, commit.global))
      faults.push('merged.json names another model than commit.json');
  }
  for (const [file, what] of [
    ['global', 'the model'],
    ['state', "the server optimiser's state"],
  ] as const) {
    if (again?.kind === 'merged' && !same(again[file], commit[file]))
      faults.push(`${what} is not what its updates merge to`);
    if (!same(stored[file], commit[file])) faults.push(`${what} in the bucket is not the one that commit.json names`);
  }
}

/** Checks that masked updates were asked for if the plan says so, and that they are of the cohort. */
async function checkCohort(faults: string[], store: FederationStore, { plan, at }: Link, open: Open): Promise<void> {
  const { cohort, document } = await cohortOf(store, open);
  const { threshold, sites } = cohort;
  if (cohort.plan !== plan.sha256) faults.push('cohort.json is for another plan');
  if (open.secure?.threshold !== threshold) faults.push('open.json has another threshold than cohort.json');
  if (open.participants.some(({ site }) => !sites.includes(site)))
    faults.push('open.json has participants outside of the cohort');
  const stage = stageOf(plan.value, at.stage);
  const expected = learns(stage) && fixedPointOf(plan.value.campaign, stage, { threshold, members: document.members });
  if (!same(document.terms, expected))
    faults.push('cohort.json has another fixed point than its plan and its sites have');
}

/** Checks a masked round by adding up its updates again, and by removing the masks again with the opened secrets. */
async function checkMasked(
  faults: string[],
  store: FederationStore,
  open: Open,
  seal: Seal,
  commit: Commit,
): Promise<void> {
  const discarding = discardingWrites(store);
  for (const { site, key, commitment } of seal.updates) {
    const { value } = await readJson(store, key, updateSchema);
    if (value.status !== 'ok') continue;
    if (value.secure?.content.commitment !== commitment) faults.push(`${site}: seal.json has another commitment`);
    const fault = await maskedFault(store, open, site, value);
    if (fault !== undefined) faults.push(`${site}: ${fault}`);
  }
  const summed = await sumEntries(discarding, open, seal);
  if (summed.kind === 'refused') faults.push(...summed.refused.map(({ input, reason }) => `${input.site}: ${reason}`));
  else if (!same(summed.sum, seal.sum)) faults.push('the sum in seal.json is not that of its updates');
  const opened = await readOpened(store, open);
  if (!opened) faults.push('opened.json is missing');
  if (opened && opened.sha256 !== commit.opened) faults.push('commit.json does not name opened.json');
  const again = opened && (await mergeMasked(discarding, open, seal, opened.value));
  if (again?.kind === 'impossible') faults.push(again.reason);
  await checkFiles(faults, store, again, commit);
  if (again?.kind === 'merged' && !same(again.privacy ?? null, commit.privacy ?? null))
    faults.push('commit.json does not state the privacy of the round');
  if (!same({}, commit.figures)) faults.push('masked updates have no figures');
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
