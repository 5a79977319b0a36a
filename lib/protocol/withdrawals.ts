import { mapConcurrently } from '../async.ts';
import { isOfDocument } from '../error.ts';
import { type FederationKey, federationKeys, parseWithdrawalKey } from '../federation/keys.ts';
import { noticeSchema, type Seal, type Stage, sealSchema } from '../federation/schemas.ts';
import type { FederationStore, ObjectInfo } from '../storage/contract.ts';
import { readJson, tryReadJson } from '../storage/documents.ts';
import { unreadableOf } from '../storage/unreadable.ts';
import { foundationsOf } from './learnt-models.ts';
import type { StageState } from './state.ts';

/** A committed round whose model learnt from cases, or whose scores count them, that were withdrawn since. */
export interface WithdrawnSince {
  readonly stage: string;
  readonly round: number;
  /** Number of these cases, at all sites. */
  readonly cases: number;
}

/** A site's notice: the updates that one case went into. */
export interface Notice {
  readonly site: string;
  readonly updates: ReadonlySet<string>;
}

type Reader = Pick<FederationStore, 'bucket' | 'tryGet'>;
type Listing = readonly ObjectInfo<FederationKey>[];

const READS_AT_ONCE = 16;
/** Longest notice that is read, bytes: of as many updates as the schema allows. */
const MAX_BYTES = 8 * 1024 * 1024;

/** The notices of all sites: a request for each. One that is too long or unreadable concerns its site only. */
async function readNotices(store: Reader, listing: Listing): Promise<readonly Notice[]> {
  const listed = listing.flatMap(({ key, bytes }) => {
    const site = parseWithdrawalKey(key)?.site;
    return site !== undefined && bytes <= MAX_BYTES ? [{ key, site }] : [];
  });
  const read = await mapConcurrently(listed, READS_AT_ONCE, async ({ key, site }) => {
    try {
      const updates = (await tryReadJson(store, key, noticeSchema))?.value.updates;
      return updates ? [{ site, updates: new Set(updates) }] : [];
    } catch (error) {
      if (isOfDocument(error) || unreadableOf(error)?.permanent) return [];
      throw error;
    }
  });
  return read.flat();
}

/** A committed round with its seal. */
export interface SealedRound {
  readonly round: number;
  readonly seal: Pick<Seal, 'updates' | 'late'>;
}

/**
 * How many withdrawn cases each committed round learnt from: those of its own updates, of the rounds before it, and of the
 * stages that its stage is built on.
 *
 * @param stages in the order of the plan, with their committed rounds in ascending order
 */
export function withdrawnIn(
  notices: readonly Notice[],
  stages: readonly { readonly stage: Stage; readonly rounds: readonly SealedRound[] }[],
): readonly WithdrawnSince[] {
  const found: WithdrawnSince[] = [];
  /** What the last round of each stage is built on, by stage. */
  const left = new Map<string, ReadonlySet<Notice>>();
  for (const { stage, rounds } of stages) {
    const cases = new Set(foundationsOf(stage).flatMap((name) => [...(left.get(name) ?? [])]));
    for (const { round, seal } of rounds) {
      const merged = [...seal.updates, ...(seal.late ?? [])];
      for (const notice of notices) {
        // A site names its own updates only.
        const isNamed = merged.some(
          ({ site, sha256, weights }) => site === notice.site && notice.updates.has(weights?.sha256 ?? sha256),
        );
        if (isNamed) cases.add(notice);
      }
      if (cases.size > 0) found.push({ stage: stage.name, round, cases: cases.size });
    }
    left.set(stage.name, cases);
  }
  return found;
}

/**
 * The affected rounds of a campaign. If there are notices, it costs one request for each and for each round.
 *
 * @param listing of all that sites have written about themselves
 */
export async function withdrawnSince(
  store: Reader,
  stages: readonly StageState[],
  listing: Listing,
): Promise<readonly WithdrawnSince[]> {
  if (stages.length === 0) return [];
  const notices = await readNotices(store, listing);
  if (notices.length === 0) return [];
  const sealed = await mapConcurrently(stages, 1, async ({ stage, rounds }) => ({
    stage,
    rounds: await mapConcurrently(
      rounds.filter(({ phase }) => phase === 'committed'),
      READS_AT_ONCE,
      async ({ at }) => ({
        round: at.round,
        seal: (await readJson(store, federationKeys.seal(at), sealSchema)).value,
      }),
    ),
  }));
  return withdrawnIn(notices, sealed);
}
