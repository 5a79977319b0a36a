import type { NotificationRule, StoredObject } from './state.ts';

/** Event names without the prefix `s3:`. */
export type EventName =
  | 'ObjectCreated:Put'
  | 'ObjectCreated:Copy'
  | 'ObjectCreated:CompleteMultipartUpload'
  | 'ObjectRemoved:Delete';

export interface ObjectEvent {
  readonly name: EventName;
  readonly bucket: string;
  readonly key: string;
  readonly sequencer: string;
  /** Undefined if it was removed. */
  readonly object: Pick<StoredObject, 'bytes' | 'etag'> | undefined;
  readonly at: Date;
  readonly requestId: string;
}

/** The rules that match an event. A rule names an event or a pattern such as `s3:ObjectCreated:*`. */
export const matchingRules = (rules: readonly NotificationRule[], event: ObjectEvent): readonly NotificationRule[] =>
  rules.filter(
    (rule) =>
      event.key.startsWith(rule.prefix) &&
      event.key.endsWith(rule.suffix) &&
      rule.events.some((pattern) => eventMatches(pattern, event.name)),
  );

const eventMatches = (pattern: string, name: EventName): boolean =>
  pattern.endsWith(':*') ? `s3:${name}`.startsWith(pattern.slice(0, -1)) : pattern === `s3:${name}`;

/** The event message of AWS, version 2.1 ("Event message structure", S3 user guide). */
export function eventMessage(event: ObjectEvent, rule: NotificationRule, region: string): string {
  const object = {
    key: encodeEventKey(event.key),
    ...(event.object ? { size: event.object.bytes, eTag: event.object.etag } : {}),
    sequencer: event.sequencer,
  };
  const record = {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    awsRegion: region,
    eventTime: event.at.toISOString(),
    eventName: event.name,
    userIdentity: { principalId: 'local' },
    requestParameters: { sourceIPAddress: '127.0.0.1' },
    responseElements: { 'x-amz-request-id': event.requestId, 'x-amz-id-2': event.requestId },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: rule.id,
      bucket: { name: event.bucket, ownerIdentity: { principalId: 'local' }, arn: `arn:aws:s3:::${event.bucket}` },
      object,
    },
  };
  return JSON.stringify({ Records: [record] });
}

/** The message that AWS sends to a queue when a bucket's notifications are configured. */
export const testMessage = (bucket: string, at: Date, requestId: string): string =>
  JSON.stringify({
    Service: 'Amazon S3',
    Event: 's3:TestEvent',
    Time: at.toISOString(),
    Bucket: bucket,
    RequestId: requestId,
    HostId: requestId,
  });

/** Keys in events are form-encoded, except slashes: a space becomes a plus. */
export const encodeEventKey = (key: string): string =>
  encodeURIComponent(key)
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2F', '/')
    .replaceAll('%20', '+');
