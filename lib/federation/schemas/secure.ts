import { z } from 'zod';
import { id, sha256, stageName, time, version } from './common.ts';

/**
 * Documents of secure aggregation (docs/privacy.md). What is signed has the form of lib/privacy: a content and a signature over it.
 */

const base64 = z.base64().max(10_000_000);
const key = z.base64().length(44);
const digest = z.string().regex(/^[0-9a-f]{32}$/);

/** For lists and maps of megabytes that a site writes. The check stops at the first fault, whereas z.array and z.record keep every one. */
const isAll = (schema: z.ZodType, values: readonly unknown[]) =>
  values.every((value) => schema.safeParse(value).success);
const listOf = <T extends z.ZodType>(item: T) =>
  z.custom<z.infer<T>[]>((value) => Array.isArray(value) && isAll(item, value), 'Invalid list');
const bySite = <T extends z.ZodType>(item: T) =>
  z.custom<Record<string, z.infer<T>>>(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      isAll(id, Object.keys(value)) &&
      isAll(item, Object.values(value)),
    'Invalid values by site',
  );
const signed = <T extends z.ZodType>(content: T) => z.strictObject({ content, signature: z.base64().max(100) });
const stage = { campaign: id, stage: stageName };
const round = { ...stage, round: z.int().positive() };
/** Of setting a stage up, from 1. If sites leave before its first round, another one is made without them. */
const attempt = z.int().positive();
/** When the coordinator created it, and until when it waits for the answers that it asks for. */
const waits = { at: time, deadline: time };

const keysMessage = signed(
  z.strictObject({
    site: id,
    ...stage,
    plan: sha256,
    attempt,
    channelKey: key,
    maskKeys: z.array(key).min(1).max(10_000),
  }),
);
const sharesMessage = signed(
  z.strictObject({ site: id, cohort: sha256, sealed: bySite(base64), digests: listOf(listOf(digest)) }),
);
/** What a site sends with a masked update. `weights` is the SHA-256 of the masked file. */
export const maskedMessage = signed(
  z.strictObject({
    site: id,
    cohort: sha256,
    round: z.int().positive(),
    weights: sha256,
    commitment: sha256,
    sealed: bySite(base64),
    digests: listOf(digest),
  }),
);
const endorsementMessage = signed(z.strictObject({ site: id, list: sha256 }));
const revealMessage = signed(z.strictObject({ site: id, list: sha256, self: bySite(key), keys: bySite(key) }));

/** Asks a site for one of its short answers. */
export const stepMessageSchema = z.strictObject({
  schema: version('step'),
  federation: id,
  site: id,
  ...stage,
  /** Absent for the steps before a stage's first round. */
  /** Of setting a stage up. */
  attempt: z.int().positive().optional(),
  round: z.int().positive().optional(),
  /** In this order; see docs/privacy.md. */
  step: z.enum(['keys', 'shares', 'endorse', 'reveal']),
  /** SHA-256 of plan.json. */
  plan: sha256,
});

/** When sites were last asked for a short answer, and which. */
export const askedSchema = z.strictObject({
  schema: version('asked'),
  ...stage,
  attempt: z.int().positive().optional(),
  round: z.int().positive().optional(),
  step: stepMessageSchema.shape.step,
  at: time,
  sites: z.array(id),
});

const member = {
  site: id,
  /** Most that the site's update may weigh: its cases when the stage was set up. */
  samples: z.int().positive(),
};

/** The sites that are asked for keys before a stage's first round. */
export const setupSchema = z.strictObject({
  schema: version('setup'),
  ...stage,
  attempt,
  ...waits,
  sites: z.array(z.strictObject(member)).min(1),
});

/** Public keys of a site for a stage. */
export const siteKeysSchema = z.strictObject({
  schema: version('site-keys'),
  /** Public Ed25519 key of the site, by which other sites know it. */
  identity: key,
  keys: keysMessage,
});

/** The sites whose updates a stage adds up, with their keys. Every site keeps a copy of the first one that it sees. */
export const cohortSchema = z.strictObject({
  schema: version('cohort'),
  ...waits,
  cohort: z.strictObject({
    ...stage,
    plan: sha256,
    attempt,
    sites: z.array(id).min(1),
    threshold: z.int().positive(),
    rounds: z.int().positive(),
  }),
  terms: z.strictObject({
    range: z.number().positive(),
    totalWeight: z.int().positive(),
    sites: z.int().positive(),
    headroom: z.int().nonnegative(),
  }),
  members: z.array(z.strictObject({ ...member, identity: key, keys: keysMessage })).min(1),
});

/** A site's shares of its mask keys, sealed for every site of the cohort. */
export const siteSharesSchema = z.strictObject({ schema: version('site-shares'), shares: sharesMessage });

/** The sealed updates of a round, as the sites endorse them. */
export const survivorsSchema = z.strictObject({
  schema: version('survivors'),
  ...round,
  ...waits,
  list: z.strictObject({
    cohort: sha256,
    round: z.int().positive(),
    survivors: z.array(z.strictObject({ site: id, commitment: sha256 })),
  }),
});

/** A site's word that it opens shares for this list of survivors, and no other one of the round. */
export const endorsementSchema = z.strictObject({ schema: version('endorsement'), endorsement: endorsementMessage });

/** That enough sites have endorsed the list, with what they need to open their shares. */
export const endorsedSchema = z.strictObject({
  schema: version('endorsed'),
  ...round,
  ...waits,
  endorsements: z.array(endorsementMessage).min(1),
  /** Messages of the updates in the list. */
  updates: z.array(maskedMessage).min(1),
  /** Of the sites of the cohort that are not in the list. */
  keyShares: z.array(sharesMessage),
});

/** The shares that a site opens for an endorsed list. */
export const revealSchema = z.strictObject({ schema: version('reveal'), reveal: revealMessage });

/** What the opened shares give: the secrets that remove the masks from the sum of a round. */
export const openedSchema = z.strictObject({
  schema: version('opened'),
  ...round,
  at: time,
  /** SHA-256 of survivors.json. */
  survivors: sha256,
  /** Sites whose shares were used. */
  sites: z.array(id).min(1),
  /** By site of the list: the seed of its own mask. */
  self: bySite(key),
  /** By site of the cohort that is not in the list: its mask key of this round. */
  keys: bySite(key),
});

/** The Ed25519 key of a site, PKCS #8 in DER. It stays in the site's own bucket. */
export const signingKeySchema = z.strictObject({ schema: version('signing-key'), site: id, key: z.base64().max(200) });
/** A site's secret for one campaign, from which its keys and masks follow. It stays in the site's own bucket. */
export const campaignSecretSchema = z.strictObject({ schema: version('campaign-secret'), campaign: id, secret: key });
/** The identity by which a site knows another: the first one that it saw. */
export const knownSiteSchema = z.strictObject({ schema: version('known-site'), site: id, identity: key, at: time });
/** The list of survivors that a site has endorsed in a round, by its digest. */
export const endorsedListSchema = z.strictObject({ schema: version('endorsed-list'), ...round, list: sha256 });
/** An update that a site has sent, by its commitment. */
export const sentMaskedSchema = z.strictObject({ schema: version('sent-masked'), ...round, commitment: sha256 });

export type StepMessage = z.infer<typeof stepMessageSchema>;
export type Step = StepMessage['step'];
export type CohortDocument = z.infer<typeof cohortSchema>;
/** `sites.json` of an attempt to set a stage up. */
export type Setup = z.infer<typeof setupSchema>;
export type Survivors = z.infer<typeof survivorsSchema>;
export type Opened = z.infer<typeof openedSchema>;
