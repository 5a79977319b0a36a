import { randomBytes } from 'node:crypto';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { mapConcurrently } from '../../lib/async.ts';
import { createS3Client } from '../../lib/aws/clients.ts';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import type { ObjectStore } from '../../lib/storage/contract.ts';
import { significant } from '../figures/numbers.ts';
import type { BenchServer, Rate } from './bench-server.ts';

const BUCKET = 'bench';
const OBJECT_BYTES = 64 * 1024 ** 2;
const STREAMS = 8;
const OBJECTS = 32;
const MB = 1e6;

/** Puts and gets 64 MiB objects in eight streams, repeatedly with the same eight keys. */
export async function measureTransfers(server: BenchServer): Promise<Readonly<Record<string, Rate>>> {
  const store = await bucketOf(server);
  const body = randomBytes(OBJECT_BYTES);
  const amount = (OBJECTS * OBJECT_BYTES) / MB;
  const each = (work: (key: string) => Promise<unknown>) =>
    mapConcurrently(range(OBJECTS), STREAMS, (i) => work(`transfer/${i % STREAMS}`));

  await store.put('warm-up', body);
  await drain(store, 'warm-up');
  return {
    'put MB/s': await server.rate(amount, () => each((key) => store.put(key, body))),
    'get MB/s': await server.rate(amount, () => each((key) => drain(store, key))),
  };
}

/** Streams a volume through the server: puts, gets and deletes objects. */
export async function measureStreaming(server: BenchServer, gigabytes: number) {
  const store = await bucketOf(server);
  const body = randomBytes(OBJECT_BYTES);
  const count = Math.ceil((gigabytes * 1e9) / OBJECT_BYTES);
  await mapConcurrently(range(count), STREAMS, async (i) => {
    const key = `stream/${i}`;
    await store.put(key, body);
    await drain(store, key);
    await store.delete(key);
  });
  const { rssBytes, peakRssBytes } = await server.health();
  return {
    gigabytes: significant((count * OBJECT_BYTES) / 1e9),
    rssMB: significant(rssBytes / MB),
    peakRssMB: significant(peakRssBytes / MB),
  };
}

const range = (length: number): readonly number[] => Array.from({ length }, (_, i) => i);

async function bucketOf({ endpoint }: BenchServer): Promise<ObjectStore> {
  const s3 = createS3Client({ endpoint });
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  s3.destroy();
  return createObjectStorage({ endpoint })(BUCKET);
}

async function drain(store: ObjectStore, key: string): Promise<void> {
  const stream = await store.stream(key);
  let bytes = 0;
  stream.on('data', (chunk: Uint8Array) => {
    bytes += chunk.length;
  });
  await new Promise<void>((resolve, reject) => stream.on('end', resolve).on('error', reject));
  if (bytes !== OBJECT_BYTES) throw new Error(`${key} has ${bytes} bytes, not ${OBJECT_BYTES}.`);
}
