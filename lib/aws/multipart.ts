import { randomUUID } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  type UploadPartCommandInput,
} from '@aws-sdk/client-s3';
import { serviceFailure } from './failures.ts';

interface Target {
  readonly Bucket: string;
  readonly Key: string;
}

/** Concurrent part uploads. Memory holds at most these parts and the next one. */
const PARALLEL_PARTS = 4;

/**
 * Uploads a stream of parts. A single part, or none, is written with PutObject, which takes a third of the requests. A
 * failed upload is aborted, so that S3 keeps none of its parts.
 *
 * @param parts each but the last at least 5 MiB
 * @param onStored called with a part whose memory may be used again, before the upload is complete
 */
export async function putParts(
  s3: S3Client,
  target: Target,
  parts: AsyncIterable<Uint8Array>,
  onStored: (part: Uint8Array) => void = () => undefined,
): Promise<{ readonly etag: string }> {
  const source = parts[Symbol.asyncIterator]();
  try {
    const first = await source.next();
    const second = first.done ? first : await source.next();
    if (second.done) {
      const Body = first.done ? new Uint8Array() : first.value;
      const { ETag } = await s3.send(new PutObjectCommand({ ...target, Body }));
      return { etag: ETag ?? '' };
    }
    return await uploadParts(s3, target, rejoin([first.value as Uint8Array, second.value], source), onStored);
  } finally {
    await source.return?.();
  }
}

async function uploadParts(
  s3: S3Client,
  target: Target,
  parts: AsyncIterable<Uint8Array>,
  onStored: (part: Uint8Array) => void,
) {
  const Metadata = { upload: randomUUID() };
  const create = new CreateMultipartUploadCommand({ ...target, Metadata, ChecksumAlgorithm: 'CRC32' });
  const { UploadId } = await s3.send(create);
  const upload = { ...target, UploadId };
  const uploads = new Set<Promise<void>>();
  try {
    const completed: CompletedPart[] = [];
    for await (const Body of parts) {
      const PartNumber = completed.push({}) as number;
      const sent = s3.send(partCommand({ ...upload, PartNumber, Body })).then(({ ETag, ChecksumCRC32 }) => {
        completed[PartNumber - 1] = { PartNumber, ETag, ChecksumCRC32 };
        uploads.delete(sent);
        onStored(Body);
      });
      // Errors surface at the next await below. Without a handler until then, they would end the process.
      sent.catch(() => undefined);
      uploads.add(sent);
      if (uploads.size >= PARALLEL_PARTS) await Promise.race(uploads);
    }
    await Promise.all(uploads);
    return { etag: await complete(s3, upload, completed, Metadata) };
  } catch (error) {
    // A part that arrives after the abort would stay stored, invisible but billed.
    await Promise.allSettled(uploads);
    await s3.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined);
    throw error;
  }
}

/**
 * An upload of a part with its CRC-32 alone. The SDK would also hash the part to sign it, and the server hash it again; whoever reads a
 * file of weights compares the SHA-256 of all of it anyway.
 */
function partCommand(input: Omit<UploadPartCommandInput, 'ChecksumAlgorithm'>): UploadPartCommand {
  const command = new UploadPartCommand({ ...input, ChecksumAlgorithm: 'CRC32' });
  command.middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { readonly headers: Record<string, string> };
      headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      return next(args);
    },
    { step: 'build', name: 'unsignedPayload' },
  );
  return command;
}

/**
 * Completes the upload. If the response is lost, the SDK's retry fails with NoSuchUpload: the upload is complete if the
 * object has this upload's metadata.
 *
 * @returns the object's ETag
 */
async function complete(
  s3: S3Client,
  { UploadId, ...target }: Target & { readonly UploadId: string | undefined },
  Parts: CompletedPart[],
  metadata: { readonly upload: string },
): Promise<string> {
  const command = new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } });
  try {
    return (await s3.send(command)).ETag ?? '';
  } catch (error) {
    if (serviceFailure(error).name !== 'NoSuchUpload') throw error;
    const stored = await s3.send(new HeadObjectCommand(target)).catch(() => undefined);
    if (stored?.Metadata?.upload !== metadata.upload) throw error;
    return stored.ETag ?? '';
  }
}

async function* rejoin<T>(taken: readonly T[], rest: AsyncIterator<T>): AsyncIterable<T> {
  yield* taken;
  yield* { [Symbol.asyncIterator]: () => rest };
}
