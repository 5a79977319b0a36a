import type { EventName, ObjectEvent } from './notifications.ts';
import type { S3Request, S3Response } from './request.ts';
import type { StoredObject } from './state.ts';
import type { Store } from './store.ts';

/** Everything that an operation uses. */
export interface S3Context {
  readonly store: Store;
  readonly region: string;
  /** Delivers an event to the queues of the bucket's rules. Never fails. */
  readonly notify: (event: ObjectEvent) => Promise<void>;
  /** Sends a message to a queue by its ARN. Returns false if the queue does not exist. */
  readonly sendToQueue: (queueArn: string, body: string) => Promise<boolean>;
}

export type Operation = (context: S3Context, request: S3Request) => Promise<S3Response>;

/** Bucket of a request. The router has checked that it is there. */
export const bucketName = (request: S3Request): string => request.bucket as string;
/** Key of a request. The router has checked that it is there. */
export const objectKey = (request: S3Request): string => request.key as string;

/** Notifies the bucket's queues of a new object. */
export const announce = (
  context: S3Context,
  request: S3Request,
  name: EventName,
  object: StoredObject,
): Promise<void> =>
  context.notify({
    name,
    bucket: bucketName(request),
    key: object.key,
    sequencer: object.sequencer,
    object,
    at: new Date(object.lastModified),
    requestId: request.id,
  });
