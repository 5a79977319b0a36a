import { CompleteMultipartUploadCommand, CreateMultipartUploadCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { ChangeMessageVisibilityCommand, DeleteMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, test } from 'vitest';
import { IS_EMBEDDED, useBackend } from '../helpers/backend.ts';

const backend = useBackend();

describe.skipIf(!IS_EMBEDDED)('a restart', () => {
  test('keeps objects and the parts of uploads', async () => {
    const target = { Bucket: backend.bucket, Key: 'upload' };
    await backend.put('object ü', 'body', { Metadata: { note: 'kept' } });
    const { UploadId } = await backend.s3().send(new CreateMultipartUploadCommand(target));
    const part = { ...target, UploadId, PartNumber: 1, Body: Buffer.from('part') };
    const { ETag } = await backend.s3().send(new UploadPartCommand(part));

    await backend.restart();

    const { bytes, Metadata } = await backend.get('object ü');
    expect([bytes.toString(), Metadata]).toEqual(['body', { note: 'kept' }]);
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    await backend.s3().send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload }));
    expect((await backend.get('upload')).bytes.toString()).toBe('part');
  });

  test('keeps messages with their delays, receive counts and valid receipts', async () => {
    const dead = await backend.createQueue('dead');
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.QueueArn, maxReceiveCount: 2 });
    const { QueueUrl } = await backend.createQueue('kept', { RedrivePolicy, VisibilityTimeout: '300' });
    const send = (MessageBody: string, rest: object = {}) =>
      backend.sqs().send(new SendMessageCommand({ QueueUrl: queueUrl(), MessageBody, ...rest }));
    // The URL contains the port, which changes with a restart.
    const queueUrl = () => QueueUrl.replace(/^http:\/\/[^/]+/, backend.endpoint() as string);
    const receive = () => backend.receive(queueUrl());
    const showAll = async (receipts: readonly (string | undefined)[]) => {
      for (const ReceiptHandle of receipts) {
        const shown = { QueueUrl: queueUrl(), ReceiptHandle, VisibilityTimeout: 0 };
        await backend.sqs().send(new ChangeMessageVisibilityCommand(shown));
      }
    };

    const poison = await send('poison');
    await showAll((await receive()).map(({ ReceiptHandle }) => ReceiptHandle));
    await showAll((await receive()).map(({ ReceiptHandle }) => ReceiptHandle));
    expect(await receive()).toEqual([]);
    await send('handled');
    const [handled] = await receive();
    const attributes = { MessageAttributes: { kind: { DataType: 'String', StringValue: 'kept' } } };
    await send('in flight', attributes);
    await receive();
    await send('delayed', { DelaySeconds: 300 });

    await backend.restart();

    const { ReceiptHandle } = handled ?? {};
    await backend.sqs().send(new DeleteMessageCommand({ QueueUrl: queueUrl(), ReceiptHandle }));
    expect(await receive()).toMatchObject([
      { Body: 'in flight', Attributes: { ApproximateReceiveCount: '2' }, ...attributes },
    ]);
    const letters = await backend.receive(dead.QueueUrl.replace(/^http:\/\/[^/]+/, backend.endpoint() as string));
    expect(letters).toMatchObject([
      {
        MessageId: poison.MessageId,
        Attributes: { ApproximateReceiveCount: '3', DeadLetterQueueSourceArn: expect.stringContaining('kept') },
      },
    ]);
  });
});
