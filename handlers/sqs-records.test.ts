import { describe, expect, test } from 'vitest';
import type { HandlerContext, SqsEvent } from './context.ts';
import { s3Objects } from './s3-event.ts';
import { forEachJsonMessage } from './sqs-records.ts';

const record = (messageId: string, body: unknown) => ({
  messageId,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

const s3Event = (...keys: string[]) => ({
  Records: keys.map((key) => ({
    eventVersion: '2.1',
    eventName: 'ObjectCreated:Put',
    eventTime: '2026-01-01T00:00:00.000Z',
    s3: { bucket: { name: 'b' }, object: { key } },
  })),
});

describe('forEachJsonMessage', () => {
  test('fails only the records that are bad, and logs the reasons', async () => {
    const lines: Readonly<Record<string, unknown>>[] = [];
    const context = { log: (_: string, fields: Readonly<Record<string, unknown>>) => lines.push(fields) };
    const event: SqsEvent = {
      Records: [record('1', { n: 1 }), record('2', '{'), record('3', { n: 3 }), record('4', { n: 4 })],
    };
    const seen: unknown[] = [];

    const response = await forEachJsonMessage(event, context as unknown as HandlerContext, async ({ body }) => {
      seen.push(body);
      if ((body as { n: number }).n === 3) throw new Error('three is refused');
    });

    expect(seen).toEqual([{ n: 1 }, { n: 3 }, { n: 4 }]);
    expect(response.batchItemFailures).toEqual([{ itemIdentifier: '2' }, { itemIdentifier: '3' }]);
    expect(lines.map((line) => line.reason)).toEqual(['Message 2 is not JSON.', 'three is refused']);
  });
});

describe('s3Objects', () => {
  test('decodes keys as S3 encodes them', () => {
    expect(s3Objects(s3Event('cases/a+b%2B%C3%BC/image.nii.gz'))).toEqual([
      { bucket: 'b', key: 'cases/a b+ü/image.nii.gz' },
    ]);
  });

  test('names created and removed objects, but none for other events', () => {
    const eventOf = (name: string) => {
      const event = s3Event('k');
      event.Records[0]!.eventName = name;
      return event;
    };
    expect(s3Objects(eventOf('ObjectRemoved:DeleteMarkerCreated'))).toEqual([{ bucket: 'b', key: 'k' }]);
    expect(s3Objects(eventOf('s3:ObjectCreated:Put'))).toEqual([{ bucket: 'b', key: 'k' }]);
    expect(s3Objects(eventOf('ObjectRestore:Completed'))).toEqual([]);
    expect(s3Objects({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'b' })).toEqual([]);
  });

  test('refuses other messages, and keys that cannot be decoded', () => {
    expect(() => s3Objects({ hello: 1 })).toThrow(/not an S3 event/);
    expect(() => s3Objects(s3Event('100%'))).toThrow(/not URL-encoded/);
  });
});
