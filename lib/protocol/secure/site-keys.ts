import { mapConcurrently } from '../../async.ts';
import { FedcardioError } from '../../error.ts';
import { type RoundAddress, type SiteKey, type StageAddress, siteKeys } from '../../federation/keys.ts';
import {
  type CohortDocument,
  campaignSecretSchema,
  cohortSchema,
  endorsedListSchema,
  knownSiteSchema,
  sentMaskedSchema,
  signingKeySchema,
} from '../../federation/schemas.ts';
import { parseDocument, sha256Hex } from '../../json.ts';
import { createSigningKey, fingerprintOf, publicIdentity, signingKeyOf } from '../../privacy/identity.ts';
import { secureBytes } from '../../privacy/random-bytes.ts';
import { fromBase64, SECRET_BYTES, toBase64 } from '../../privacy/site-keys.ts';
import type { SiteSecrets } from '../../privacy/site-secrets.ts';
import type { SiteRecord } from '../../privacy/unmasking.ts';
import type { SiteStore } from '../../storage/contract.ts';
import { createJson, type Document, readJson, tryReadJson } from '../../storage/documents.ts';

/**
 * What a site keeps for secure aggregation in its own bucket. Everything is created once: the site is bound by the first cohort of
 * a stage that it masks an update for, the first list of a round and the first identity of another site that it has seen, whatever
 * comes later.
 */

/** The secrets of a site for a campaign, made when they are first needed. */
export async function siteSecrets(store: SiteStore, site: string, campaign: string): Promise<SiteSecrets> {
  const keyAt = siteKeys.signingKey;
  const signing =
    (await tryReadJson(store, keyAt, signingKeySchema)) ??
    (await createJson(store, keyAt, signingKeySchema, {
      schema: 'fedcardio.signing-key/1',
      site,
      key: createSigningKey(),
    }));
  const secretAt = siteKeys.campaignSecret(campaign);
  const secret =
    (await tryReadJson(store, secretAt, campaignSecretSchema)) ??
    (await createJson(store, secretAt, campaignSecretSchema, {
      schema: 'fedcardio.campaign-secret/1',
      campaign,
      secret: toBase64(secureBytes()(SECRET_BYTES)),
    }));
  const signingKey = signingKeyOf(signing.value.key);
  return { site, secret: fromBase64(secret.value.secret, SECRET_BYTES), signingKey };
}

/** The public key by which other sites know this one. */
export const ownIdentity = ({ signingKey }: SiteSecrets): string => publicIdentity(signingKey);

const READS_AT_ONCE = 16;

type StepLog = (event: string, fields: Readonly<Record<string, unknown>>) => void;

/**
 * Keeps the identities of a cohort's sites, each as it was first seen.
 *
 * @throws FedcardioError `BAD_MESSAGE` if a site had another identity before
 */
export async function keepIdentities(
  store: SiteStore,
  { members }: CohortDocument,
  { now, log }: { readonly now: () => Date; readonly log: StepLog },
): Promise<void> {
  await mapConcurrently(members, READS_AT_ONCE, async ({ site, identity }) => {
    const key = siteKeys.knownSite(site);
    const known =
      (await tryReadJson(store, key, knownSiteSchema)) ??
      (await createJson(store, key, knownSiteSchema, {
        schema: 'fedcardio.known-site/1',
        site,
        identity,
        at: now().toISOString(),
      }));
    if ('created' in known && known.created)
      log('site-known', { site, fingerprint: fingerprintOf(known.value.identity) });
    if (known.value.identity === identity) return;
    throw new FedcardioError('BAD_MESSAGE', `The coordinator names another key of site ${site} than before.`, {
      hint: `Compare fingerprints with ${site} by telephone. If it has a new key, delete ${key} from this site's bucket.`,
    });
  });
}

/**
 * Keeps the bytes of a stage's cohort. It may be followed by another attempt with fewer sites, as long as the site has masked
 * nothing for the one before.
 *
 * @param hasAnswered whether the site has sent its shares for this attempt
 * @throws FedcardioError `BAD_MESSAGE` if the site takes part in another cohort of the attempt or of a later one, has masked an
 *   update for another one, or the attempt before had not all of the sites
 */
export async function keepCohort(
  store: SiteStore,
  at: StageAddress,
  {
    cohort,
    body,
    hasAnswered,
  }: { readonly cohort: CohortDocument; readonly body: Uint8Array; readonly hasAnswered: boolean },
): Promise<void> {
  const { attempt } = cohort.cohort;
  const key = siteKeys.knownCohort({ ...at, attempt });
  const kept = await store.tryGet(key);
  if (kept) requireSame(at, kept.body, body);
  // A question that comes again, and late, changes nothing.
  if (kept && hasAnswered) return;
  const before = await latestKept(store, at);
  if (before && before.value.cohort.attempt > attempt) throw secondCohort(at, ', of an attempt before this one');
  if (before && before.value.cohort.attempt < attempt) {
    const known = new Set(before.value.cohort.sites);
    if (cohort.cohort.sites.some((site) => !known.has(site))) throw secondCohort(at, ', with other sites than before');
  }
  await requireMaskedFor(store, at, body);
  await createOnce(store, at, key, body);
}

/**
 * Binds the site to a cohort before an update that is masked for it leaves: it masks for no other one of the stage, whatever it
 * keeps later.
 *
 * @param body the cohort's bytes, as they are kept
 * @throws FedcardioError `BAD_MESSAGE` if an update was masked for another cohort
 */
export const bindToCohort = (store: SiteStore, at: StageAddress, body: Uint8Array): Promise<void> =>
  createOnce(store, at, siteKeys.maskedCohort(at), body, MASKED);

const MASKED = ', after this site has sent an update';

const secondCohort = ({ stage }: StageAddress, reason = ''): FedcardioError =>
  new FedcardioError('BAD_MESSAGE', `The coordinator has a second, different cohort for stage ${stage}${reason}.`, {
    hint: 'Ask the coordinator why.',
  });

function requireSame(at: StageAddress, kept: Uint8Array, body: Uint8Array, reason?: string): void {
  if (sha256Hex(kept) !== sha256Hex(body)) throw secondCohort(at, reason);
}

/** Throws `BAD_MESSAGE` if the site has masked an update for another cohort. */
async function requireMaskedFor(store: SiteStore, at: StageAddress, body: Uint8Array): Promise<void> {
  const masked = await store.tryGet(siteKeys.maskedCohort(at));
  if (masked) requireSame(at, masked.body, body, MASKED);
}

/** Creates an object of a cohort. Throws `BAD_MESSAGE` if there is another one. */
async function createOnce(store: SiteStore, at: StageAddress, key: SiteKey, body: Uint8Array, reason?: string) {
  if ((await store.putIfAbsent(key, body)) === 'exists') requireSame(at, (await store.get(key)).body, body, reason);
}

/** A cohort that the site has kept. */
export interface KeptCohort extends Document<CohortDocument> {
  readonly body: Uint8Array;
  /** Whether the site has masked an update for it. */
  readonly isBinding: boolean;
}

const keptOf = (body: Uint8Array, key: string, isBinding: boolean): KeptCohort => ({
  value: parseDocument(body, cohortSchema, key),
  sha256: sha256Hex(body),
  body,
  isBinding,
});

/** The cohort of the last attempt that the site has kept. */
async function latestKept(store: SiteStore, at: StageAddress): Promise<KeptCohort | undefined> {
  let latest: KeptCohort | undefined;
  for await (const { key } of store.list(siteKeys.securePrefix(at))) {
    if (!key.endsWith('/cohort.json')) continue;
    const kept = keptOf((await store.get(key)).body, key, false);
    const { attempt } = kept.value.cohort;
    // Keys of a stage "teacher/calcification" are below those of a stage "teacher".
    if (key !== siteKeys.knownCohort({ ...at, attempt })) continue;
    if (attempt > (latest?.value.cohort.attempt ?? 0)) latest = kept;
  }
  return latest;
}

/**
 * The cohort of a stage that the site takes part in: the one that it has masked an update for, or that of the last attempt.
 *
 * @throws FedcardioError `BAD_CONFIGURATION` if the site takes part in none
 */
export async function keptCohort(store: SiteStore, at: StageAddress): Promise<KeptCohort> {
  const key = siteKeys.maskedCohort(at);
  const masked = await store.tryGet(key);
  const kept = masked ? keptOf(masked.body, key, true) : await latestKept(store, at);
  if (kept) return kept;
  throw new FedcardioError('BAD_CONFIGURATION', `This site has no keys in the cohort of stage ${at.stage}.`, {
    hint: 'It takes part from the next stage on.',
  });
}

/** What the site has endorsed and sent in a round. */
export async function roundRecord(store: SiteStore, at: RoundAddress): Promise<SiteRecord> {
  const endorsed = await tryReadJson(store, siteKeys.endorsedList(at), endorsedListSchema);
  const sent: string[] = [];
  for await (const { key } of store.list(siteKeys.sentMaskedPrefix(at))) {
    sent.push((await readJson(store, key, sentMaskedSchema)).value.commitment);
  }
  return { endorsed: endorsed?.value.list, sent };
}

/** Binds the site to a list of survivors. Returns the one that it is bound to. */
export async function keepEndorsed(store: SiteStore, at: RoundAddress, list: string): Promise<string> {
  const { campaign, stage, round } = at;
  const kept = await createJson(store, siteKeys.endorsedList(at), endorsedListSchema, {
    schema: 'fedcardio.endorsed-list/1',
    campaign,
    stage,
    round,
    list,
  });
  return kept.value.list;
}

/** Records a masked update before it leaves: the site endorses no list with another update of its own. */
export async function keepSent(store: SiteStore, at: RoundAddress, commitment: string): Promise<void> {
  const { campaign, stage, round } = at;
  await createJson(store, siteKeys.sentMasked(at, commitment), sentMaskedSchema, {
    schema: 'fedcardio.sent-masked/1',
    campaign,
    stage,
    round,
    commitment,
  });
}
