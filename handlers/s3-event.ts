import { FedcardioError } from '../lib/error.ts';
import { s3EventSchema } from '../lib/federation/schemas.ts';

export interface S3ObjectRef {
  readonly bucket: string;
  /** Decoded, as in the bucket. */
  readonly key: string;
}

/**
 * The created and removed objects that an S3 event notification names: an event is a hint to look, and handlers look at
 * what is stored. Empty for the test event that S3 sends when a notification is configured.
 *
 * @throws BAD_MESSAGE if the body is not an S3 event
 */
export function s3Objects(body: unknown): readonly S3ObjectRef[] {
  const parsed = s3EventSchema.safeParse(body);
  if (!parsed.success) {
    throw new FedcardioError('BAD_MESSAGE', 'The message is not an S3 event notification of version 2.', {
      cause: parsed.error,
      hint: 'Only S3 should send to this queue: check the queue policy.',
    });
  }
  if (!('Records' in parsed.data)) return [];
  return parsed.data.Records.filter(({ eventName }) => /^(s3:)?Object(Created|Removed):/.test(eventName)).map(
    ({ s3 }) => ({
      bucket: s3.bucket.name,
      key: decodeKey(s3.object.key),
    }),
  );
}

/** S3 encodes keys in events as form data: percent signs, and + for space. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch (cause) {
    throw new FedcardioError('BAD_MESSAGE', `The key ${JSON.stringify(key)} is not URL-encoded.`, { cause });
  }
}
