import { randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';

import { BUCKET, failure, MIB, md5, useServer } from './test-server.ts';

const server = useServer();

describe('multipart uploads', () => {
  const parts = [randomBytes(5 * MIB), randomBytes(5 * MIB), randomBytes(17)];
  const whole = Buffer.concat(parts);

  it('become one object, with its ETag and checksum', async () => {
    const upload = await server.startUpload('multi', parts, { ChecksumAlgorithm: 'CRC32' });
    const before = await server.send(new ListPartsCommand(upload));
    const done = await server.send(new CompleteMultipartUploadCommand(upload));
    const stored = await server.get('multi', { ChecksumMode: 'ENABLED' });

    const digests = Buffer.concat(parts.map((part) => Buffer.from(md5(part), 'hex')));
    expect(before.Parts?.map((part) => part.Size)).toEqual(parts.map((part) => part.length));
    expect(done).toMatchObject({ ETag: `"${md5(digests)}-3"`, ChecksumType: 'COMPOSITE' });
    expect(stored).toMatchObject({ ETag: done.ETag, ChecksumCRC32: done.ChecksumCRC32, ContentLength: whole.length });
    expect(md5(stored.bytes)).toBe(md5(whole));
    const across = await server.get('multi', { Range: `bytes=${5 * MIB - 3}-${10 * MIB + 2}` });
    expect(md5(across.bytes)).toBe(md5(whole.subarray(5 * MIB - 3, 10 * MIB + 3)));
    await expect(server.send(new ListPartsCommand(upload))).rejects.toMatchObject(failure('NoSuchUpload', 404));
  });

  it('have a checksum of the whole, equal to that of a single put', async () => {
    const single = await server.put('single', whole, { ChecksumAlgorithm: 'CRC64NVME' });
    const upload = await server.startUpload('whole', parts, { ChecksumAlgorithm: 'CRC64NVME' });
    const done = await server.send(new CompleteMultipartUploadCommand(upload));
    expect(done).toMatchObject({ ChecksumCRC64NVME: single.ChecksumCRC64NVME, ChecksumType: 'FULL_OBJECT' });
  });

  it('take parts from other objects', async () => {
    await server.put('origin', whole);
    const { UploadId } = await server.send(
      new CreateMultipartUploadCommand({ Bucket: BUCKET, Key: 'by-copy', ChecksumAlgorithm: 'CRC32' }),
    );
    const upload = { Bucket: BUCKET, Key: 'by-copy', UploadId };
    const ranges = [`bytes=0-${6 * MIB - 1}`, `bytes=${6 * MIB}-${whole.length - 1}`];
    const copies = await Promise.all(
      ranges.map((CopySourceRange, i) =>
        server.send(
          new UploadPartCopyCommand({ ...upload, PartNumber: i + 1, CopySource: `${BUCKET}/origin`, CopySourceRange }),
        ),
      ),
    );
    const Parts = copies.map((copy, i) => ({ PartNumber: i + 1, ETag: copy.CopyPartResult?.ETag }));
    await server.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
    expect(md5((await server.get('by-copy')).bytes)).toBe(md5(whole));
  });

  it('are checked when completed', async () => {
    const upload = await server.startUpload('checked', parts);
    const [one, two, three] = upload.MultipartUpload.Parts;
    const complete = (Parts: object[]) =>
      server.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));

    await expect(complete([two!, one!])).rejects.toMatchObject(failure('InvalidPartOrder', 400));
    await expect(complete([{ ...one, ETag: '"x"' }])).rejects.toMatchObject(failure('InvalidPart', 400));
    await expect(complete([{ ...one, PartNumber: 9 }])).rejects.toMatchObject(failure('InvalidPart', 400));
    const small = await server.startUpload('small', [randomBytes(9), randomBytes(9)]);
    await expect(server.send(new CompleteMultipartUploadCommand(small))).rejects.toMatchObject(
      failure('EntityTooSmall', 400),
    );
    await complete([one!, three!]);
    expect((await server.get('checked')).ContentLength).toBe(5 * MIB + 17);
  });

  it('leave nothing when aborted', async () => {
    const upload = await server.startUpload('aborted', [randomBytes(10)]);
    await server.send(new AbortMultipartUploadCommand(upload));
    await expect(server.send(new CompleteMultipartUploadCommand(upload))).rejects.toMatchObject(
      failure('NoSuchUpload', 404),
    );
    await expect(server.get('aborted')).rejects.toMatchObject(failure('NoSuchKey', 404));
  });
});
