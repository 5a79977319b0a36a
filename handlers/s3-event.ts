import { FedcardioError } from '../lib/error.ts';
import { s3EventSchema } from '../lib/federation/schemas.ts';

export interface S3ObjectRef {
  readonly bucket: string;
  /** Decoded: as the object is named in the bucket. */
  readonly key: string;
}

/**
 * The objects that an S3 event notification says were created. S3's test event, which is sent when a notification
 * is configured, names none; removals are left out. Throws `BAD_MESSAGE` for anything else.
 */
export function s3Objects(body: unknown): readonly S3ObjectRef[] {
  const parsed = s3EventSchema.safeParse(body);
  if (!parsed.success) {
    throw new FedcardioError('BAD_MESSAGE', 'the message is not an S3 event notification of version 2', {
      cause: parsed.error,
      hint: 'Only S3 should send to this queue; look at the queue policy.',
    });
  }
  if (!('Records' in parsed.data)) return [];
  return parsed.data.Records.filter((record) => record.eventName.replace(/^s3:/, '').startsWith('ObjectCreated:')).map(
    ({ s3 }) => ({ bucket: s3.bucket.name, key: decodeKey(s3.object.key) }),
  );
}

/** S3 encodes keys in events like form data: percent signs and + for space. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch (cause) {
    throw new FedcardioError('BAD_MESSAGE', `key ${JSON.stringify(key)} is not URL-encoded`, { cause });
  }
}
