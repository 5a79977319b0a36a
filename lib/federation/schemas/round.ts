import { z } from 'zod';
import { stageSchema } from '../stages/kinds.ts';
import { federationKey, figures, file, id, sha256, stageName, time, version } from './common.ts';

/** What a site must know of a round to do its part: frozen with the round, and sent along with its task. */
export const terms = {
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  at: time,
  deadline: time,
  /** The stage as it was planned. */
  config: stageSchema,
  seed: z.int(),
  /** What the round starts from; null in the first round of a stage. `state` is the server optimiser's. */
  base: z.strictObject({ commit: sha256, ...file.shape, state: file.nullable() }).nullable(),
};

/** A round's frozen terms. */
export const openSchema = z.strictObject({
  schema: version('open'),
  ...terms,
  participants: z
    .array(
      z.strictObject({
        site: id,
        /** Cases that the stage can use there, by the site's summary of this ETag. */
        samples: z.int().positive(),
        summary: z.string(),
      }),
    )
    .min(1),
  /** Updates that close the round. */
  quorum: z.int().positive(),
  /** SHA-256 of the campaign's previous link in the chain: the base commit, or the plan. */
  previous: sha256,
});

/** The frozen list of the updates that a round merges, sorted by site. All of them have been found usable. */
export const sealSchema = z.strictObject({
  schema: version('seal'),
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  at: time,
  open: sha256,
  updates: z
    .array(
      z.strictObject({
        site: id,
        /** Key and SHA-256 of the update's metadata. */
        key: federationKey,
        sha256,
        samples: z.int().positive(),
        weights: file.nullable(),
      }),
    )
    .min(1),
  /** Answers that are not merged: tasks that failed and updates that were refused. */
  failed: z.array(z.strictObject({ site: id, key: federationKey, reason: z.string() })),
});

/** When a round's task messages were last sent, and to whom. */
export const sentSchema = z.strictObject({
  schema: version('sent'),
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  at: time,
  sites: z.array(id),
});

/** The published result of a round. */
export const commitSchema = z.strictObject({
  schema: version('commit'),
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  at: time,
  /** SHA-256 of seal.json, which names the inputs. */
  seal: sha256,
  /** SHA-256 of the link before: see open.json. */
  previous: sha256,
  /** Of the updates that were merged, and their sites. */
  samples: z.int().positive(),
  sites: z.array(id).min(1),
  global: file.nullable(),
  /** The server optimiser's moments after this round; null for a strategy that has none. */
  state: file.nullable(),
  figures,
});

/** Who is merging a round, so that others need not: a courtesy, on which nothing depends. */
export const leaseSchema = z.strictObject({ schema: version('lease'), holder: z.string(), until: time });

export type Open = z.infer<typeof openSchema>;
export type Seal = z.infer<typeof sealSchema>;
export type Commit = z.infer<typeof commitSchema>;
export type Lease = z.infer<typeof leaseSchema>;
export type StoredFile = z.infer<typeof file>;
