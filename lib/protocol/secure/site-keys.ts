import { mapConcurrently } from '../../async.ts';
import { FedcardioError } from '../../error.ts';
import { type RoundAddress, type StageAddress, siteKeys } from '../../federation/keys.ts';
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
 * a stage, the first list of a round and the first identity of another site that it has seen, whatever comes later.
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
 * nothing for the one before: an update is masked for one cohort only.
 *
 * @param hasAnswered whether the site has sent its shares for this attempt; only then can it have masked an update for it
 * @throws FedcardioError `BAD_MESSAGE` if the site takes part in another cohort of the attempt or of a later one, has masked an
 *   update, or the attempt before had not all of the sites
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
  const refuse = (reason: string): never => {
    throw new FedcardioError(
      'BAD_MESSAGE',
      `The coordinator has a second, different cohort for stage ${at.stage}${reason}.`,
      {
        hint: 'Ask the coordinator why.',
      },
    );
  };
  const { attempt } = cohort.cohort;
  const key = siteKeys.knownCohort({ ...at, attempt });
  /** Whether this cohort is kept already. Refuses another one of the attempt. */
  const isKnown = async () => {
    const kept = await store.tryGet(key);
    if (kept && sha256Hex(kept.body) !== sha256Hex(body)) refuse('');
    return kept !== undefined;
  };
  // A question that comes again, and late, changes nothing.
  if ((await isKnown()) && hasAnswered) return;
  const before = await latestKept(store, at);
  if (before && before.value.cohort.attempt > attempt) refuse(', of an attempt before this one');
  if (before && before.value.cohort.attempt < attempt) {
    const known = new Set(before.value.cohort.sites);
    if (cohort.cohort.sites.some((site) => !known.has(site))) refuse(', with other sites than before');
  }
  const requireUnmasked = async () => {
    if (attempt > 1 && (await hasMasked(store, at))) refuse(', after this site has sent an update');
  };
  await requireUnmasked();
  if ((await store.putIfAbsent(key, body)) === 'exists') await isKnown();
  // Of this and a GPU task that masks at the same time, one sees the other.
  await requireUnmasked();
}

/** The cohort of the last attempt that the site has kept. */
async function latestKept(store: SiteStore, at: StageAddress): Promise<Document<CohortDocument> | undefined> {
  let latest: Document<CohortDocument> | undefined;
  for await (const { key } of store.list(siteKeys.securePrefix(at))) {
    if (!key.endsWith('/cohort.json')) continue;
    const { body } = await store.get(key);
    const value = parseDocument(body, cohortSchema, key);
    if (value.cohort.attempt > (latest?.value.cohort.attempt ?? 0)) latest = { value, sha256: sha256Hex(body) };
  }
  return latest;
}

/** Whether the site has masked an update of a stage. */
async function hasMasked(store: SiteStore, at: StageAddress): Promise<boolean> {
  for await (const { key } of store.list(siteKeys.securePrefix(at))) if (key.includes('/sent-')) return true;
  return false;
}

/**
 * The cohort of a stage that the site takes part in.
 *
 * @throws FedcardioError `BAD_CONFIGURATION` if the site takes part in none
 */
export async function keptCohort(store: SiteStore, at: StageAddress): Promise<Document<CohortDocument>> {
  const kept = await latestKept(store, at);
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
