import { createHash, randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListPartsCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import { failure, useBackend } from '../helpers/backend.ts';

const backend = useBackend();
const MIB = 1024 ** 2;
/** Smaller if transfers cost money or are slow. */
const LARGE_MIB = Number(process.env.FEDCARDIO_CONTRACT_LARGE_MIB ?? 256);
const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');
const send = backend.s3;

/** Uploads parts and returns the input of their completion. */
async function startUpload(
  Key: string,
  parts: readonly Uint8Array[],
  rest: { readonly ChecksumAlgorithm: 'CRC32' | 'CRC64NVME' } = { ChecksumAlgorithm: 'CRC32' },
) {
  const target = { Bucket: backend.bucket, Key };
  const { UploadId } = await send().send(new CreateMultipartUploadCommand({ ...target, ...rest }));
  const Parts = await Promise.all(
    parts.map(async (Body, index) => {
      const PartNumber = index + 1;
      const part = { ...target, UploadId, PartNumber, Body, ...rest };
      const { ETag, ChecksumCRC32, ChecksumCRC64NVME } = await send().send(new UploadPartCommand(part));
      return { PartNumber, ETag, ChecksumCRC32, ChecksumCRC64NVME };
    }),
  );
  return { ...target, UploadId, MultipartUpload: { Parts } };
}

describe('multipart uploads', () => {
  const parts = [randomBytes(5 * MIB), randomBytes(5 * MIB), randomBytes(17)];
  const whole = Buffer.concat(parts);

  test('become one object with ETag and checksum', async () => {
    const upload = await startUpload('multi', parts);
    const before = await send().send(new ListPartsCommand(upload));
    const done = await send().send(new CompleteMultipartUploadCommand(upload));
    const stored = await backend.get('multi', { ChecksumMode: 'ENABLED' });

    const digests = Buffer.concat(parts.map((part) => Buffer.from(md5(part), 'hex')));
    expect(before.Parts?.map((part) => part.Size)).toEqual(parts.map((part) => part.length));
    expect(done.ETag).toBe(`"${md5(digests)}-3"`);
    expect(stored).toMatchObject({ ETag: done.ETag, ContentLength: whole.length });
    expect(md5(stored.bytes)).toBe(md5(whole));
    const across = await backend.get('multi', { Range: `bytes=${5 * MIB - 3}-${10 * MIB + 2}` });
    expect(md5(across.bytes)).toBe(md5(whole.subarray(5 * MIB - 3, 10 * MIB + 3)));
  });

  test('have a full-object checksum equal to that of a single put', async () => {
    const single = await backend.put('single', whole, { ChecksumAlgorithm: 'CRC64NVME' });
    const upload = await startUpload('whole', parts, { ChecksumAlgorithm: 'CRC64NVME' });
    const done = await send().send(new CompleteMultipartUploadCommand(upload));
    expect(done.ChecksumCRC64NVME).toBe(single.ChecksumCRC64NVME);
  });

  test('copy parts from other objects', async () => {
    await backend.put('origin', whole);
    const { UploadId } = await send().send(
      new CreateMultipartUploadCommand({ Bucket: backend.bucket, Key: 'by-copy' }),
    );
    const upload = { Bucket: backend.bucket, Key: 'by-copy', UploadId };
    const CopySource = `${backend.bucket}/origin`;
    const ranges = [`bytes=0-${6 * MIB - 1}`, `bytes=${6 * MIB}-${whole.length - 1}`];
    const copies = await Promise.all(
      ranges.map((CopySourceRange, i) =>
        send().send(new UploadPartCopyCommand({ ...upload, PartNumber: i + 1, CopySource, CopySourceRange })),
      ),
    );
    const Parts = copies.map((copy, i) => ({ PartNumber: i + 1, ETag: copy.CopyPartResult?.ETag }));
    await send().send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
    expect(md5((await backend.get('by-copy')).bytes)).toBe(md5(whole));
  });

  test('are checked at completion', async () => {
    const upload = await startUpload('checked', parts);
    const [one, two, three] = upload.MultipartUpload.Parts;
    const complete = (Parts: object[]) =>
      send().send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));

    await expect(complete([two!, one!])).rejects.toMatchObject(failure('InvalidPartOrder', 400));
    await expect(complete([{ ...one, ETag: `"${'0'.repeat(32)}"` }])).rejects.toMatchObject(
      failure('InvalidPart', 400),
    );
    await expect(complete([{ ...one, PartNumber: 9 }])).rejects.toMatchObject(failure('InvalidPart', 400));
    const small = await startUpload('small', [randomBytes(9), randomBytes(9)]);
    await expect(send().send(new CompleteMultipartUploadCommand(small))).rejects.toMatchObject(
      failure('EntityTooSmall', 400),
    );
    await complete([one!, three!]);
    expect((await backend.get('checked')).ContentLength).toBe(5 * MIB + 17);
  });

  test('are invisible until completion, and removed by an abort', async () => {
    const upload = await startUpload('aborted', [randomBytes(10)]);
    await expect(backend.get('aborted')).rejects.toMatchObject(failure('NoSuchKey', 404));
    await send().send(new AbortMultipartUploadCommand(upload));
    await expect(send().send(new CompleteMultipartUploadCommand(upload))).rejects.toMatchObject(
      failure('NoSuchUpload', 404),
    );
    await expect(send().send(new ListPartsCommand(upload))).rejects.toMatchObject(failure('NoSuchUpload', 404));
    await expect(backend.get('aborted')).rejects.toMatchObject(failure('NoSuchKey', 404));
  });

  test(`stream ${LARGE_MIB} MiB in and out`, async () => {
    const random = randomBytes(16 * MIB);
    const sent = createHash('sha256');
    async function* large() {
      for (let i = 0; i < LARGE_MIB / 16; i++) {
        const part = Buffer.from(random);
        part.writeUInt32BE(i);
        sent.update(part);
        yield part;
      }
    }
    await createObjectStorage({ endpoint: backend.endpoint() })(backend.bucket).putParts('large', large());
    const { Body, ContentLength } = await send().send(new GetObjectCommand({ Bucket: backend.bucket, Key: 'large' }));
    const received = createHash('sha256');
    for await (const chunk of Body as Readable) received.update(chunk as Buffer);

    expect(ContentLength).toBe(Math.ceil(LARGE_MIB / 16) * 16 * MIB);
    expect(received.digest('hex')).toBe(sent.digest('hex'));
  }, 600_000);
});
