import { parseCampaignKey, roundOf } from '../lib/federation/keys.ts';
import type { Federation } from '../lib/federation/schemas.ts';
import { names } from '../lib/federation/topology.ts';
import type { S3ObjectRef } from './s3-event.ts';

/** The campaign, stage, round and site of a message, as far as they are known. Log lines contain them. */
export interface Subject {
  readonly campaign?: string;
  readonly stage?: string;
  readonly round?: number;
  readonly site?: string;
}

/** The subject of a GPU task message. An invalid message gives the fields that it has. */
export function subjectOfMessage(body: unknown): Subject {
  if (typeof body !== 'object' || body === null) return {};
  const { campaign, stage, round, site } = body as Readonly<Record<string, unknown>>;
  return {
    ...(typeof campaign === 'string' ? { campaign } : {}),
    ...(typeof stage === 'string' ? { stage } : {}),
    ...(typeof round === 'number' ? { round } : {}),
    ...(typeof site === 'string' ? { site } : {}),
  };
}

/** The id of the site that a bucket belongs to. */
export const siteOfBucket = (federation: Federation, bucket: string): string | undefined =>
  federation.sites.find(({ id }) => names.siteBucket(federation.id, id) === bucket)?.id;

/** The subject of an S3 event's first object: the site of its bucket, or the round or campaign of its key. */
export function subjectOfObjects([object]: readonly S3ObjectRef[], federation: Federation): Subject {
  if (!object) return {};
  const site = siteOfBucket(federation, object.bucket);
  if (site !== undefined) return { site };
  const round = roundOf(object.key);
  const campaign = round?.campaign ?? parseCampaignKey(object.key);
  return round ?? (campaign === undefined ? {} : { campaign });
}
