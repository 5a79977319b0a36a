import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { serviceFailure } from '../../lib/storage/failures.ts';
import { failure, useBackend } from './backend.ts';

const backend = useBackend();
const RACERS = 50;
const racers = <T>(run: (index: number) => Promise<T>) =>
  Promise.allSettled(Array.from({ length: RACERS }, (_, index) => run(index)));

/** A put, a copy and a completed upload, each of which would write the racer's own text. */
const writes = {
  async put(Key: string) {
    return (index: number, condition: object) => backend.put(Key, `racer ${index}`, condition);
  },
  async copy(Key: string) {
    const { bucket: Bucket } = backend;
    await racers((index) => backend.put(`${Key}/source/${index}`, `racer ${index}`));
    return (index: number, condition: object) => {
      const CopySource = `${Bucket}/${Key}/source/${index}`;
      return backend.s3().send(new CopyObjectCommand({ Bucket, Key, CopySource, ...condition }));
    };
  },
  async 'complete-multipart'(Key: string) {
    const target = { Bucket: backend.bucket, Key };
    const uploads = await Promise.all(
      Array.from({ length: RACERS }, async (_, index) => {
        const { UploadId } = await backend.s3().send(new CreateMultipartUploadCommand(target));
        const part = { ...target, UploadId, PartNumber: 1, Body: Buffer.from(`racer ${index}`) };
        const { ETag } = await backend.s3().send(new UploadPartCommand(part));
        return { ...target, UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } };
      }),
    );
    return (index: number, condition: object) =>
      backend.s3().send(
        new CompleteMultipartUploadCommand({
          ...(uploads[index] as object),
          ...target,
          UploadId: uploads[index]?.UploadId,
          ...condition,
        }),
      );
  },
} as const;

/** 412 says that another was first; 409, which only AWS gives, that it does not know yet. */
function expectOneWinner(outcomes: readonly PromiseSettledResult<unknown>[]): number {
  const losers = outcomes.filter((outcome) => outcome.status === 'rejected');
  for (const { reason } of losers) expect([409, 412]).toContain(serviceFailure(reason).status);
  expect(losers).toHaveLength(outcomes.length - 1);
  return outcomes.findIndex(({ status }) => status === 'fulfilled');
}

describe.each(Object.keys(writes) as (keyof typeof writes)[])('%s', (kind) => {
  it('of 50 racers lets one create an object', async () => {
    const write = await writes[kind](`create-${kind}`);
    const winner = expectOneWinner(await racers((index) => write(index, { IfNoneMatch: '*' })));
    expect((await backend.get(`create-${kind}`)).bytes.toString()).toBe(`racer ${winner}`);
  });

  it('of 50 racers lets one replace the version that all have read', async () => {
    const Key = `replace-${kind}`;
    const write = await writes[kind](Key);
    const { ETag } = await backend.put(Key, 'before');
    const winner = expectOneWinner(await racers((index) => write(index, { IfMatch: ETag })));
    expect((await backend.get(Key)).bytes.toString()).toBe(`racer ${winner}`);
  });

  it('does not replace what is not there', async () => {
    const write = await writes[kind](`nothing-${kind}`);
    await expect(write(0, { IfMatch: '"5d41402abc4b2a76b9719d911017c592"' })).rejects.toMatchObject({
      $metadata: { httpStatusCode: 404 },
    });
    await expect(backend.get(`nothing-${kind}`)).rejects.toMatchObject(failure('NoSuchKey', 404));
  });
});

it('puts, copies and uploads race with each other', async () => {
  const run = await Promise.all([writes.put('mixed'), writes.copy('mixed'), writes['complete-multipart']('mixed')]);
  const outcomes = await racers((index) => (run[index % 3] as (typeof run)[0])(index, { IfNoneMatch: '*' }));
  const winner = expectOneWinner(outcomes);
  expect((await backend.get('mixed')).bytes.toString()).toBe(`racer ${winner}`);
});
