import { randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetBucketNotificationConfigurationCommand,
  PutBucketNotificationConfigurationCommand,
  type QueueConfiguration,
} from '@aws-sdk/client-s3';
import { type Message, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { beforeAll, describe, expect, test } from 'vitest';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import { IS_EMBEDDED, useBackend } from '../helpers/backend.ts';

const backend = useBackend();
const MIB = 1024 ** 2;
let all: { readonly QueueUrl: string; readonly QueueArn: string };
let json: typeof all;

interface EventRecord {
  readonly eventVersion: string;
  readonly eventSource: string;
  readonly eventName: string;
  readonly s3: {
    readonly bucket: { readonly name: string };
    readonly object: { readonly key: string; readonly size: number; readonly eTag: string; readonly sequencer: string };
  };
}
const recordsOf = (messages: readonly Message[]): readonly EventRecord[] =>
  messages.flatMap(({ Body = '{}' }) => (JSON.parse(Body).Records ?? []) as EventRecord[]);
/** A key in the encoding of events: form encoding except slashes. */
const decoded = (key: string) => decodeURIComponent(key.replaceAll('+', ' '));

/** Notifications of a queue up to that of a marker object, which is written now. */
async function heard(queue: typeof all): Promise<readonly EventRecord[]> {
  const id = randomBytes(4).toString('hex');
  const mark = queue === json ? `json/mark-${id}.json` : `all/mark-${id}`;
  await backend.put(mark, 'mark');
  const isMark = ({ s3 }: EventRecord) => s3.object.key === mark;
  const messages = await backend.collect(queue.QueueUrl, (some) => recordsOf(some).some(isMark));
  let looks = 0;
  // AWS does not order events, so receive once more for those after the marker.
  const late = IS_EMBEDDED ? [] : await backend.collect(queue.QueueUrl, () => looks++ > 0);
  return recordsOf([...messages, ...late]).filter((record) => !isMark(record));
}
const keysOf = (records: readonly EventRecord[]) => records.map(({ s3 }) => decoded(s3.object.key)).sort();

beforeAll(async () => {
  all = await backend.createQueue('all');
  json = await backend.createQueue('json');
  for (const { QueueUrl, QueueArn } of [all, json]) {
    const statement = {
      Effect: 'Allow',
      Principal: { Service: 's3.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Resource: QueueArn,
      Condition: { ArnLike: { 'aws:SourceArn': `arn:aws:s3:::${backend.bucket}` } },
    };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
    await backend.sqs().send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }));
  }
  const filter = (Prefix: string, Suffix?: string) => ({
    Key: {
      FilterRules: [
        { Name: 'prefix' as const, Value: Prefix },
        ...(Suffix ? [{ Name: 'suffix' as const, Value: Suffix }] : []),
      ],
    },
  });
  const Events = ['s3:ObjectCreated:*' as const];
  const QueueConfigurations: QueueConfiguration[] = [
    { Id: 'all', QueueArn: all.QueueArn, Events, Filter: filter('all/') },
    { Id: 'json', QueueArn: json.QueueArn, Events, Filter: filter('json/', '.json') },
  ];
  await backend.s3().send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: backend.bucket,
      NotificationConfiguration: { QueueConfigurations },
    }),
  );
});

describe('notifications', () => {
  test('are returned as configured', async () => {
    const command = new GetBucketNotificationConfigurationCommand({ Bucket: backend.bucket });
    const { QueueConfigurations = [] } = await backend.s3().send(command);
    expect(QueueConfigurations.map(({ Id, QueueArn }) => [Id, QueueArn]).sort()).toEqual([
      ['all', all.QueueArn],
      ['json', json.QueueArn],
    ]);
  });

  test('report a put once, with size, ETag and key', async () => {
    const { ETag } = await backend.put('all/one', '12345');
    const [record, ...others] = await heard(all);

    expect(others).toEqual([]);
    expect(record).toMatchObject({
      eventVersion: expect.stringMatching(/^2\./),
      eventSource: 'aws:s3',
      eventName: 'ObjectCreated:Put',
      s3: { bucket: { name: backend.bucket }, object: { key: 'all/one', size: 5, eTag: ETag?.replaceAll('"', '') } },
    });
    expect(record?.s3.object.sequencer).toMatch(/^[0-9A-F]+$/i);
  });

  test.each(['a b', 'a+b', 'a%2Bb', 'ü/\u{1f600}', 'a&b=c', "quote'(1)"])(
    'encode the key %s like a form',
    async (key) => {
      await backend.put(`all/${key}`);
      expect(keysOf(await heard(all))).toEqual([`all/${key}`]);
    },
  );

  test('are filtered by prefix and suffix', async () => {
    for (const key of ['json/a.json', 'json/a.json.gz', 'json.json', 'elsewhere/json/a.json', 'json/b c/ü.json']) {
      await backend.put(key);
    }
    expect(keysOf(await heard(json))).toEqual(['json/a.json', 'json/b c/ü.json']);
  });

  test('report copies and completed uploads once each', async () => {
    await backend.put('elsewhere/source', 'x');
    const CopySource = `${backend.bucket}/elsewhere/source`;
    await backend.s3().send(new CopyObjectCommand({ Bucket: backend.bucket, Key: 'all/copy', CopySource }));
    async function* parts() {
      yield randomBytes(5 * MIB);
      yield randomBytes(5 * MIB);
      yield randomBytes(1);
    }
    await createObjectStorage({ endpoint: backend.endpoint() })(backend.bucket).putParts('all/parts', parts());

    const records = await heard(all);

    expect(records.map(({ eventName, s3 }) => [eventName, s3.object.key, s3.object.size]).sort()).toEqual([
      ['ObjectCreated:CompleteMultipartUpload', 'all/parts', 10 * MIB + 1],
      ['ObjectCreated:Copy', 'all/copy', 1],
    ]);
  });

  test('do not report failed writes, aborted uploads and deletions', async () => {
    await backend.put('all/kept');
    await heard(all);
    await backend.put('all/kept', 'y', { IfNoneMatch: '*' }).catch(() => undefined);
    await backend.put('all/wrong', 'y', { ContentMD5: Buffer.alloc(16).toString('base64') }).catch(() => undefined);
    const target = { Bucket: backend.bucket, Key: 'all/aborted' };
    const { UploadId } = await backend.s3().send(new CreateMultipartUploadCommand(target));
    await backend.s3().send(new AbortMultipartUploadCommand({ ...target, UploadId }));
    await backend.s3().send(new DeleteObjectCommand({ Bucket: backend.bucket, Key: 'all/kept' }));

    expect(keysOf(await heard(all))).toEqual([]);
  });

  test('report every write of a key', async () => {
    for (let i = 0; i < 3; i++) await backend.put('all/again', String(i));
    expect(keysOf(await heard(all))).toEqual(['all/again', 'all/again', 'all/again']);
  });
});
