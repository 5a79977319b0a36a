import { Agent, type IncomingMessage, request } from 'node:http';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { mapAhead } from '../../lib/async.ts';
import { createS3Client } from '../../lib/aws/clients.ts';
import { names } from '../../lib/federation/topology.ts';
import { seededRandom, shuffled } from '../../lib/random.ts';
import type { Queues } from '../../lib/storage/contract.ts';
import type { LoadCase, Upload } from './cases.ts';

/** One case in this many has its files uploaded twice, or its events sent twice. */
const FILES_TWICE_EVERY = 23;
const EVENT_TWICE_EVERY = 17;
/** Concurrent uploads of cases per site. */
const CASES_AT_ONCE = 4;
const URL_SECONDS = 600;

export interface Sent {
  readonly uploads: number;
  readonly duplicateEvents: number;
}

/**
 * Uploads cases with presigned URLs, one per file, over plain HTTP. The files of a case have a random order. Some files are
 * uploaded twice, and some events are duplicated, as S3 may do.
 */
export function createUploader(endpoint: string, federation: string, queues: Queues) {
  const s3 = createS3Client({ endpoint });
  // Otherwise a URL holds the checksum of an empty body, because the body is unknown when it is signed.
  s3.config.requestChecksumCalculation = async () => 'WHEN_REQUIRED';
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });

  async function upload({ site, id, uploads }: LoadCase, index: number): Promise<Sent> {
    const Bucket = names.siteBucket(federation, site);
    const files = shuffled(seededRandom('upload', site, id), uploads);
    const all: readonly Upload[] = index % FILES_TWICE_EVERY === 3 ? [...files, ...files] : files;
    let duplicateEvents = 0;
    for (const { key, body } of all) {
      const url = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: key }), { expiresIn: URL_SECONDS });
      await put(agent, url, body());
      if (index % EVENT_TWICE_EVERY !== 5) continue;
      duplicateEvents += 1;
      await queues.send(names.intakeQueue(federation, site), eventOf(Bucket, key));
    }
    return { uploads: all.length, duplicateEvents };
  }

  return {
    /** Uploads all cases of a site. */
    async site(cases: readonly LoadCase[]): Promise<Sent> {
      let [uploads, duplicateEvents] = [0, 0];
      for await (const sent of mapAhead([...cases.entries()], CASES_AT_ONCE, ([index, loadCase]) =>
        upload(loadCase, index),
      )) {
        uploads += sent.uploads;
        duplicateEvents += sent.duplicateEvents;
      }
      return { uploads, duplicateEvents };
    },
    close() {
      agent.destroy();
      s3.destroy();
    },
  };
}

function put(agent: Agent, url: string, body: Uint8Array | string): Promise<void> {
  return new Promise((resolve, reject) => {
    const answer = (response: IncomingMessage) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`PUT ${new URL(url).pathname}: ${response.statusCode} ${response.statusMessage}`));
      });
    };
    const headers = { 'content-length': Buffer.byteLength(body) };
    request(url, { method: 'PUT', agent, headers }, answer).on('error', reject).end(body);
  });
}

/** A duplicate event with the fields that intake reads. These keys need no encoding. */
function eventOf(bucket: string, key: string): string {
  const s3 = { bucket: { name: bucket }, object: { key } };
  const record = { eventVersion: '2.1', eventName: 'ObjectCreated:Put', eventTime: new Date().toISOString(), s3 };
  return JSON.stringify({ Records: [record] });
}
