import type { FaultSwitch } from '../faults/faults.ts';
import type { RequestCounts } from '../request-counts.ts';
import type { EventName, ObjectEvent } from './notifications.ts';
import type { S3Request, S3Response } from './request.ts';
import type { StoredObject } from './state.ts';
import type { Store } from './store.ts';

/** What an operation works on. */
export interface S3Context {
  readonly store: Store;
  readonly region: string;
  readonly counts: RequestCounts;
  readonly faults: FaultSwitch;
  /** Delivers an event to the queues of the bucket's rules. Never fails: an event is only a hint. */
  readonly notify: (event: ObjectEvent) => Promise<void>;
  /** Sends a message to a queue by its ARN; false when there is no such queue. */
  readonly sendToQueue: (queueArn: string, body: string) => Promise<boolean>;
}

export type Operation = (context: S3Context, request: S3Request) => Promise<S3Response>;

/** A request to a bucket, and one to an object: the router has checked that they name one. */
export const bucketName = (request: S3Request): string => request.bucket as string;
/** See {@link bucketName}. */
export const objectKey = (request: S3Request): string => request.key as string;

/** Tells the bucket's queues of an object that has just become visible. */
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
