import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { serviceFailure } from '../../lib/aws/failures.ts';
import { failure, IS_LOCALSTACK, useBackend } from '../helpers/backend.ts';

const backend = useBackend();
const RACERS = 50;
const racers = <T>(run: (index: number) => Promise<T>) =>
  Promise.allSettled(Array.from({ length: RACERS }, (_, index) => run(index)));

type Write = (index: number) => (condition: object) => Promise<unknown>;

/** Ways to write an object. Each racer writes a different text. */
const writes = {
  async put(Key: string): Promise<Write> {
    return (index) => (condition) => backend.put(Key, `racer ${index}`, condition);
  },
  async copy(Key: string): Promise<Write> {
    const { bucket: Bucket } = backend;
    await racers((index) => backend.put(`${Key}/source/${index}`, `racer ${index}`));
    return (index) => (condition) => {
      const CopySource = `${Bucket}/${Key}/source/${index}`;
      return backend.s3().send(new CopyObjectCommand({ Bucket, Key, CopySource, ...condition }));
    };
  },
  async 'complete-multipart'(Key: string, count = RACERS): Promise<Write> {
    const target = { Bucket: backend.bucket, Key };
    const uploads = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const { UploadId } = await backend.s3().send(new CreateMultipartUploadCommand(target));
        const part = { ...target, UploadId, PartNumber: 1, Body: Buffer.from(`racer ${index}`) };
        const { ETag } = await backend.s3().send(new UploadPartCommand(part));
        return { ...target, UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } };
      }),
    );
    return (index) => (condition) =>
      backend
        .s3()
        .send(new CompleteMultipartUploadCommand({ ...(uploads[index] as (typeof uploads)[number]), ...condition }));
  },
} as const;

/** 412 for a racer that lost; AWS may also answer 409 while the winner is undecided. */
function expectOneWinner(outcomes: readonly PromiseSettledResult<unknown>[]): number {
  const losers = outcomes.filter((outcome) => outcome.status === 'rejected');
  for (const { reason } of losers) expect([409, 412]).toContain(serviceFailure(reason).status);
  expect(losers).toHaveLength(outcomes.length - 1);
  return outcomes.findIndex(({ status }) => status === 'fulfilled');
}

describe.each(Object.keys(writes) as (keyof typeof writes)[])('%s', (kind) => {
  const damages = IS_LOCALSTACK && kind === 'copy';

  test.skipIf(damages)('lets one of 50 racers create an object', async () => {
    const write = await writes[kind](`create-${kind}`);
    const winner = expectOneWinner(await racers((index) => write(index)({ IfNoneMatch: '*' })));
    expect((await backend.get(`create-${kind}`)).bytes.toString()).toBe(`racer ${winner}`);
  });

  test.skipIf(damages)('lets one of 50 racers replace the version that all have read', async () => {
    const Key = `replace-${kind}`;
    // Before the object, because an upload that is older than the object conflicts with it.
    const { ETag } = await backend.put(Key, 'before');
    const write = await writes[kind](Key);
    const winner = expectOneWinner(await racers((index) => write(index)({ IfMatch: ETag })));
    expect((await backend.get(Key)).bytes.toString()).toBe(`racer ${winner}`);
  });

  test('does not replace a missing object', async () => {
    const write = await writes[kind](`nothing-${kind}`);
    await expect(write(0)({ IfMatch: '"5d41402abc4b2a76b9719d911017c592"' })).rejects.toMatchObject({
      $metadata: { httpStatusCode: 404 },
    });
    await expect(backend.get(`nothing-${kind}`)).rejects.toMatchObject(failure('NoSuchKey', 404));
  });
});

test.skipIf(IS_LOCALSTACK)('puts, copies and uploads compete for the same key', async () => {
  const run = await Promise.all([writes.put('mixed'), writes.copy('mixed'), writes['complete-multipart']('mixed')]);
  const outcomes = await racers((index) => (run[index % 3] as Write)(index)({ IfNoneMatch: '*' }));
  const winner = expectOneWinner(outcomes);
  expect((await backend.get('mixed')).bytes.toString()).toBe(`racer ${winner}`);
});

describe('a multipart upload', () => {
  const begin = async (Key: string) => (await writes['complete-multipart'](Key, 1))(0);

  test('does not replace an object that was written after the upload began, even if If-Match names it', async () => {
    const complete = await begin('conflict');
    const { ETag } = await backend.put('conflict', 'since');
    await expect(complete({ IfMatch: ETag })).rejects.toMatchObject(failure('ConditionalRequestConflict', 409));
    expect((await backend.get('conflict')).bytes.toString()).toBe('since');
  });

  test('does not create an object that was deleted after the upload began', async () => {
    await backend.put('deleted', 'before');
    const complete = await begin('deleted');
    await backend.s3().send(new DeleteObjectCommand({ Bucket: backend.bucket, Key: 'deleted' }));
    await expect(complete({ IfNoneMatch: '*' })).rejects.toMatchObject(failure('ConditionalRequestConflict', 409));
    await expect(backend.get('deleted')).rejects.toMatchObject(failure('NoSuchKey', 404));
  });
});
