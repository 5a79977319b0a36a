import { parseCampaignKey, parseRoundKey } from '../lib/federation/keys.ts';
import { type Federation, s3EventSchema } from '../lib/federation/schemas.ts';
import { names } from '../lib/federation/topology.ts';
import { s3Objects } from './s3-event.ts';

/** What a log line is about, as far as it is known. */
export interface Subject {
  readonly campaign?: string;
  readonly stage?: string;
  readonly round?: number;
  readonly site?: string;
}

/**
 * What a message of any queue is about, good or bad: of a task message its own fields, of an S3 event the address of
 * its first object. Never throws: it is asked where something has gone wrong already.
 */
export function subjectOf(body: unknown, federation: Federation): Subject {
  if (typeof body !== 'object' || body === null) return {};
  if (s3EventSchema.safeParse(body).success) return subjectOfObject(body, federation);
  const { campaign, stage, round, site } = body as Readonly<Record<string, unknown>>;
  return {
    ...(typeof campaign === 'string' ? { campaign } : {}),
    ...(typeof stage === 'string' ? { stage } : {}),
    ...(typeof round === 'number' ? { round } : {}),
    ...(typeof site === 'string' ? { site } : {}),
  };
}

function subjectOfObject(body: object, federation: Federation): Subject {
  try {
    const [object] = s3Objects(body);
    if (!object) return {};
    const site = federation.sites.find(({ id }) => names.siteBucket(federation.id, id) === object.bucket)?.id;
    if (site !== undefined) return { site };
    const round = parseRoundKey(object.key)?.at;
    const campaign = round?.campaign ?? parseCampaignKey(object.key);
    return round ?? (campaign === undefined ? {} : { campaign });
  } catch {
    return {};
  }
}
