import { createHash } from 'node:crypto';
import { z } from 'zod';
import { SqsError } from './error.ts';

/** Bytes of a message, or of a batch of them, attributes included. */
export const MAX_BYTES = 1024 ** 2;

const attributeValue = z.strictObject({
  DataType: z.string().regex(/^(String|Number|Binary)(\..+)?$/),
  StringValue: z.string().optional(),
  /** In base64. */
  BinaryValue: z.string().optional(),
});

export const messageAttributes = z.record(z.string().min(1).max(256), attributeValue);
export type MessageAttributes = z.infer<typeof messageAttributes>;

/** A message as the journal keeps it. Times are in milliseconds since 1970. */
export interface Message {
  readonly id: string;
  readonly body: string;
  readonly attributes: MessageAttributes;
  readonly sentAt: number;
  /** When it is first to be seen. */
  readonly visibleAt: number;
  readonly receives: number;
  readonly firstReceivedAt?: number;
  /** Name of the queue whose dead letter it is. */
  readonly deadLetterOf?: string;
}

const NOT_ALLOWED = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;

/**
 * A body as SQS keeps it: what is no character of XML becomes U+FFFD ("SendMessage", SQS API reference).
 *
 * @throws SqsError InvalidMessageContents when nothing else is left
 */
export function storedBody(body: string): string {
  const kept = body.replace(NOT_ALLOWED, '\ufffd');
  if (kept.replaceAll('\ufffd', '') === '') throw new SqsError('InvalidMessageContents');
  return kept;
}

/** Bytes that count against the limit: body, and each attribute's name, type and value. */
export const sizeOf = (body: string, attributes: MessageAttributes): number =>
  Object.entries(attributes).reduce(
    (sum, [name, { DataType, StringValue = '', BinaryValue }]) =>
      sum + Buffer.byteLength(name + DataType + StringValue) + Buffer.from(BinaryValue ?? '', 'base64').length,
    Buffer.byteLength(body),
  );

export const md5Of = (text: string): string => createHash('md5').update(text).digest('hex');

/**
 * The digest by which clients check attributes: sorted by name, each name, type and value behind its length, and before
 * the value 1 for text or 2 for bytes ("Calculating the MD5 message digest for message attributes", SQS developer guide).
 */
export function md5OfAttributes(attributes: MessageAttributes): string | undefined {
  const names = Object.keys(attributes).sort();
  if (names.length === 0) return undefined;
  const hash = createHash('md5');
  const withLength = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  };
  for (const name of names) {
    const { DataType, StringValue = '', BinaryValue } = attributes[name] as MessageAttributes[string];
    withLength(Buffer.from(name));
    withLength(Buffer.from(DataType));
    const binary = DataType.startsWith('Binary');
    hash.update(Buffer.from([binary ? 2 : 1]));
    withLength(binary ? Buffer.from(BinaryValue ?? '', 'base64') : Buffer.from(StringValue));
  }
  return hash.digest('hex');
}
