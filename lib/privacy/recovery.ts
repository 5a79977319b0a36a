import { isFedcardioError } from '../error.ts';
import { own as ownValue } from '../own.ts';
import type { KeyShares } from './key-messages.ts';
import { inverse, type MaskTerm } from './ring-masks.ts';
import { joinShares, type Share } from './secret-shares.ts';
import { pointOf, type SecureRound } from './secure-round.ts';
import { fromBase64, privateKeyOf, publicKeyOf, SECRET_BYTES } from './site-keys.ts';
import { commitmentOf, type Directory, keysOf, pairSeed, pairSign, shareDigest } from './site-secrets.ts';
import type { Reveal, SurvivorList } from './unmasking.ts';
import type { UpdateMessage } from './update-message.ts';

/** What the coordinator makes of the opened shares. */
export interface Recovery {
  /** What removes all masks from the sum of the survivors' updates; undefined while secrets are missing. */
  readonly masks: readonly MaskTerm[] | undefined;
  /** Sites whose secret needs more shares. */
  readonly missing: readonly string[];
  /** Sites that sent something wrong, and what. */
  readonly faults: readonly { readonly site: string; readonly reason: string }[];
}

/**
 * The masks that are left in the sum of the survivors' updates: each survivor's own, and those that survivors share with
 * drop-outs. Shares that differ from what was committed to are left out, so that one liar stops nobody as long as enough
 * others answer.
 *
 * @param updates of the survivors, checked
 * @param keyShares of the drop-outs, checked
 * @param reveals checked, at most one of a site
 */
export function recoverMasks(
  at: SecureRound,
  directory: Directory,
  round: {
    readonly list: SurvivorList;
    readonly updates: readonly UpdateMessage[];
    readonly keyShares: readonly KeyShares[];
    readonly reveals: readonly Reveal[];
  },
): Recovery {
  const { cohort } = at;
  const faults: { site: string; reason: string }[] = [];
  const missing: string[] = [];
  const survivors = new Map(round.list.survivors.map(({ site, commitment }) => [site, commitment]));

  /** The secret of a site from the shares that match its digests; undefined if there are too few. */
  function secretOf(site: string, kind: 'self' | 'keys', digests: readonly string[]): Uint8Array | undefined {
    const shares = round.reveals.flatMap((reveal): readonly Share[] => {
      const text = ownValue(reveal[kind], site);
      if (text === undefined || !cohort.sites.includes(reveal.site)) return [];
      const point = pointOf(cohort, reveal.site);
      const value = bytesOf(text);
      if (value && shareDigest(value) === digests[point - 1]) return [{ at: point, value }];
      faults.push({ site: reveal.site, reason: `its share of a secret of ${site} is wrong` });
      return [];
    });
    if (shares.length >= cohort.threshold) return joinShares(shares.slice(0, cohort.threshold));
    missing.push(site);
    return undefined;
  }

  const selfMasks = [...survivors].flatMap(([site, commitment]): readonly MaskTerm[] => {
    const update = round.updates.find((one) => one.site === site && one.commitment === commitment);
    const seed = update && secretOf(site, 'self', update.digests);
    if (!seed) return [];
    if (commitmentOf(seed) === commitment) return [{ seed, sign: 1 }];
    faults.push({ site, reason: 'the shares of its self mask do not give what it has committed to' });
    missing.push(site);
    return [];
  });

  const pairMasks = cohort.sites.flatMap((site): readonly MaskTerm[] => {
    if (survivors.has(site)) return [];
    const shares = round.keyShares.find((one) => one.site === site);
    const secret = shares && secretOf(site, 'keys', shares.digests[at.round - 1] ?? []);
    if (!secret) return [];
    const privateKey = privateKeyOf(secret);
    if (publicKeyOf(privateKey) !== keysOf(directory, site).maskKeys[at.round - 1]) {
      faults.push({ site, reason: 'the shares of its mask key do not give its key' });
      missing.push(site);
      return [];
    }
    return [...survivors.keys()].map((survivor) => {
      const publicKey = keysOf(directory, survivor).maskKeys[at.round - 1] as string;
      return { seed: pairSeed(at, privateKey, publicKey, [survivor, site]), sign: pairSign(cohort, survivor, site) };
    });
  });

  const complete = missing.length === 0;
  return { masks: complete ? inverse([...selfMasks, ...pairMasks]) : undefined, missing, faults };
}

function bytesOf(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text, SECRET_BYTES);
  } catch (error) {
    if (isFedcardioError(error, 'BAD_MESSAGE')) return undefined;
    throw error;
  }
}
