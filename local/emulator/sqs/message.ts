import { createHash } from 'node:crypto';
import { z } from 'zod';
import { SqsError } from './error.ts';

/** Most bytes of a message or batch, including attributes. */
export const MAX_BYTES = 1024 ** 2;

const attributeValue = z.strictObject({
  DataType: z.string().regex(/^(String|Number|Binary)(\..+)?$/),
  StringValue: z.string().optional(),
  /** Base64. */
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
  /** When it first becomes visible. */
  readonly visibleAt: number;
  readonly receives: number;
  readonly firstReceivedAt?: number;
  /** Name of the queue that it was moved from as a dead letter. */
  readonly deadLetterOf?: string;
}

const NOT_ALLOWED = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;

/**
 * A body as SQS stores it: characters that XML does not allow become U+FFFD ("SendMessage", SQS API reference).
 *
 * @throws SqsError InvalidMessageContents if no allowed character remains
 */
export function storedBody(body: string): string {
  const kept = body.replace(NOT_ALLOWED, '\ufffd');
  if (kept.replaceAll('\ufffd', '') === '') throw new SqsError('InvalidMessageContents');
  return kept;
}

/** Bytes that count towards the limit: the body, and each attribute's name, type and value. */
export const sizeOf = (body: string, attributes: MessageAttributes): number =>
  Object.entries(attributes).reduce(
    (sum, [name, { DataType, StringValue = '', BinaryValue }]) =>
      sum + Buffer.byteLength(name + DataType + StringValue) + Buffer.from(BinaryValue ?? '', 'base64').length,
    Buffer.byteLength(body),
  );

export const md5Of = (text: string): string => createHash('md5').update(text).digest('hex');

/**
 * MD5 of attributes, sorted by name: length and bytes of name, type and value, with 1 (text) or 2 (binary) before the
 * value ("Calculating the MD5 message digest for message attributes", SQS developer guide).
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
