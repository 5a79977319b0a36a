import { randomBytes } from 'node:crypto';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { mapConcurrently } from '../../lib/async.ts';
import { createS3Client } from '../../lib/aws/clients.ts';
import { createObjects } from '../../lib/aws/objects.ts';
import type { Objects } from '../../lib/storage/contract.ts';
import { significant } from '../figures/numbers.ts';
import type { BenchServer, Rate } from './server.ts';

const BUCKET = 'bench';
const OBJECT_BYTES = 64 * 1024 ** 2;
const STREAMS = 8;
const OBJECTS = 32;
const MB = 1e6;

/** Puts and gets 64 MiB objects in eight streams, over and over the same eight keys. */
export async function measureTransfers(server: BenchServer): Promise<Readonly<Record<string, Rate>>> {
  const objects = await bucketOf(server);
  const body = randomBytes(OBJECT_BYTES);
  const amount = (OBJECTS * OBJECT_BYTES) / MB;
  const each = (work: (key: string) => Promise<unknown>) =>
    mapConcurrently(range(OBJECTS), STREAMS, (i) => work(`transfer/${i % STREAMS}`));

  await objects.put(BUCKET, 'warm-up', body);
  await drain(objects, 'warm-up');
  return {
    'put MB/s': await server.rate(amount, () => each((key) => objects.put(BUCKET, key, body))),
    'get MB/s': await server.rate(amount, () => each((key) => drain(objects, key))),
  };
}

/** Streams a volume through the server, in and out again, deleting as it goes. */
export async function measureStreaming(server: BenchServer, gigabytes: number) {
  const objects = await bucketOf(server);
  const body = randomBytes(OBJECT_BYTES);
  const count = Math.ceil((gigabytes * 1e9) / OBJECT_BYTES);
  await mapConcurrently(range(count), STREAMS, async (i) => {
    const key = `stream/${i}`;
    await objects.put(BUCKET, key, body);
    await drain(objects, key);
    await objects.delete(BUCKET, key);
  });
  const { rssBytes, peakRssBytes } = await server.health();
  return {
    gigabytes: significant((count * OBJECT_BYTES) / 1e9),
    rssMB: significant(rssBytes / MB),
    peakRssMB: significant(peakRssBytes / MB),
  };
}

const range = (length: number): readonly number[] => Array.from({ length }, (_, i) => i);

async function bucketOf({ endpoint }: BenchServer): Promise<Objects> {
  const s3 = createS3Client({ endpoint });
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  s3.destroy();
  return createObjects({ endpoint });
}

async function drain(objects: Objects, key: string): Promise<void> {
  const stream = await objects.stream(BUCKET, key);
  let bytes = 0;
  stream.on('data', (chunk: Uint8Array) => {
    bytes += chunk.length;
  });
  await new Promise<void>((resolve, reject) => stream.on('end', resolve).on('error', reject));
  if (bytes !== OBJECT_BYTES) throw new Error(`${key} has ${bytes} bytes, not ${OBJECT_BYTES}.`);
}
