import { parseCampaignKey, parseRoundKey } from '../lib/federation/keys.ts';
import type { Federation } from '../lib/federation/schemas.ts';
import { names } from '../lib/federation/topology.ts';
import type { S3ObjectRef } from './s3-event.ts';

/** The campaign, stage, round and site that a message and its log lines are about, as far as they are known. */
export interface Subject {
  readonly campaign?: string;
  readonly stage?: string;
  readonly round?: number;
  readonly site?: string;
}

/** The subject of a GPU task message, valid or not: the fields that it has. */
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

/** The subject of an S3 event: the site of its first object's bucket, or the round or campaign of the object's key. */
export function subjectOfObjects([object]: readonly S3ObjectRef[], federation: Federation): Subject {
  if (!object) return {};
  const site = federation.sites.find(({ id }) => names.siteBucket(federation.id, id) === object.bucket)?.id;
  if (site !== undefined) return { site };
  const round = parseRoundKey(object.key)?.at;
  const campaign = round?.campaign ?? parseCampaignKey(object.key);
  return round ?? (campaign === undefined ? {} : { campaign });
}
