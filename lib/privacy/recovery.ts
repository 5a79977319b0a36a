import { FedcardioError, isFedcardioError } from '../error.ts';
import { own as ownValue } from '../own.ts';
import type { KeyShares } from './key-messages.ts';
import { inverse, type MaskTerm } from './ring-masks.ts';
import { joinShares, type Share } from './secret-shares.ts';
import { pointOf, type SecureRound } from './secure-round.ts';
import { fromBase64, privateKeyOf, publicKeyOf, SECRET_BYTES, toBase64 } from './site-keys.ts';
import { commitmentOf, type Directory, keysOf, pairSeed, pairSign, shareDigest } from './site-secrets.ts';
import type { Reveal, SurvivorList } from './unmasking.ts';
import type { UpdateMessage } from './update-message.ts';

/** The secrets that remove the masks from the sum of the survivors' updates. By site, base64. */
export interface OpenedSecrets {
  /** Of each survivor: the seed of its own mask. */
  readonly self: Readonly<Record<string, string>>;
  /** Of each drop-out: its mask key of this round. */
  readonly keys: Readonly<Record<string, string>>;
}

/** What the coordinator makes of the opened shares. */
export interface Recovery {
  /** Undefined while secrets are missing. */
  readonly secrets: OpenedSecrets | undefined;
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
  const { survivors } = round.list;
  const faults: { site: string; reason: string }[] = [];
  const missing: string[] = [];

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

  /** The secret as an entry, if it is the one that the site has committed to. */
  function checked(site: string, secret: Uint8Array | undefined, fault: (secret: Uint8Array) => string | undefined) {
    if (!secret) return [];
    const reason = fault(secret);
    if (reason === undefined) return [[site, toBase64(secret)] as const];
    faults.push({ site, reason });
    missing.push(site);
    return [];
  }

  const self = survivors.flatMap(({ site, commitment }) => {
    const update = round.updates.find((one) => one.site === site && one.commitment === commitment);
    if (!update) missing.push(site);
    return checked(site, update && secretOf(site, 'self', update.digests), (seed) => selfFault(commitment, seed));
  });
  const keys = dropOuts(at, round.list).flatMap((site) => {
    const shares = round.keyShares.find((one) => one.site === site);
    if (!shares) missing.push(site);
    const secret = shares && secretOf(site, 'keys', shares.digests[at.round - 1] ?? []);
    return checked(site, secret, (key) => keyFault(at, directory, site, key));
  });
  if (missing.length > 0) return { secrets: undefined, masks: undefined, missing, faults };
  const secrets = { self: Object.fromEntries(self), keys: Object.fromEntries(keys) };
  return { secrets, masks: masksOf(at, directory, round.list, secrets), missing, faults };
}

/**
 * The masks that opened secrets remove.
 *
 * @throws FedcardioError `BAD_MESSAGE` unless there is exactly the secret of every site that the sites have committed to
 */
export function masksOf(
  at: SecureRound,
  directory: Directory,
  list: SurvivorList,
  secrets: OpenedSecrets,
): readonly MaskTerm[] {
  const secretIn = (kind: keyof OpenedSecrets, site: string, fault: (secret: Uint8Array) => string | undefined) => {
    const text = ownValue(secrets[kind], site);
    const secret = text === undefined ? undefined : bytesOf(text);
    const reason = secret ? fault(secret) : 'there is none';
    if (secret && reason === undefined) return secret;
    throw new FedcardioError('BAD_MESSAGE', `Secure aggregation: the opened secret of ${site} is wrong: ${reason}.`);
  };
  const selfMasks = list.survivors.map(
    ({ site, commitment }): MaskTerm => ({
      seed: secretIn('self', site, (seed) => selfFault(commitment, seed)),
      sign: 1,
    }),
  );
  const pairMasks = dropOuts(at, list).flatMap((site) => {
    const privateKey = privateKeyOf(secretIn('keys', site, (key) => keyFault(at, directory, site, key)));
    return list.survivors.map(({ site: survivor }): MaskTerm => {
      const publicKey = keysOf(directory, survivor).maskKeys[at.round - 1] as string;
      const seed = pairSeed(at, privateKey, publicKey, [survivor, site]);
      return { seed, sign: pairSign(at.cohort, survivor, site) };
    });
  });
  return inverse([...selfMasks, ...pairMasks]);
}

/** Sites of the cohort whose update is not in the list. */
export const dropOuts = ({ cohort }: SecureRound, { survivors }: SurvivorList): readonly string[] =>
  cohort.sites.filter((site) => !survivors.some((survivor) => survivor.site === site));

const selfFault = (commitment: string, seed: Uint8Array): string | undefined =>
  commitmentOf(seed) === commitment ? undefined : 'the shares of its self mask do not give what it has committed to';

const keyFault = ({ round }: SecureRound, directory: Directory, site: string, secret: Uint8Array) =>
  publicKeyOf(privateKeyOf(secret)) === keysOf(directory, site).maskKeys[round - 1]
    ? undefined
    : 'the shares of its mask key do not give its key';

function bytesOf(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text, SECRET_BYTES);
  } catch (error) {
    if (isFedcardioError(error, 'BAD_MESSAGE')) return undefined;
    throw error;
  }
}
