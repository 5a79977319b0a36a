import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NODE_WITH_TSX } from '../../cli/tsx.ts';
import { collect } from '../../lib/async.ts';
import { createS3Client } from '../../lib/aws/clients.ts';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { commitSchema } from '../../lib/federation/schemas.ts';
import { keyOf } from '../../lib/federation/testing.ts';
import { closeRound } from '../../lib/protocol/close-round.ts';
import type { FederationStore } from '../../lib/storage/contract.ts';
import { readJson } from '../../lib/storage/documents.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../../local/emulator/server.ts';
import { QUORUM, smallCampaignWith } from '../../test/protocol/simulated-campaign.ts';
import { type SimulatedFederation, simulateFederation } from '../../test/protocol/simulated-federation.ts';

const MAIN = fileURLToPath(new URL('../../gpu-tasks/main.ts', import.meta.url));
const AT = { campaign: 'tavi', stage: 'teacher', round: 1 };

let directory: string;
let server: EmbeddedServer;
let store: FederationStore;
let world: SimulatedFederation;

/** Prepares a round in memory that is ready to close, and copies its objects to a server. */
beforeAll(async () => {
  world = simulateFederation(
    ['berlin', 'hamburg', 'munich'].map((id, i) => ({ id, samples: i + 1, behaviour: 'good' })),
  );
  await world.upload(smallCampaignWith(QUORUM));
  const context = { ...world.context, delegateMerge: async () => true };
  for (let next = world.pending.shift(); next; next = world.pending.shift()) await world.deliver(next, { context });

  directory = await mkdtemp(join(tmpdir(), 'fedcardio-merge-'));
  server = await startEmbeddedServer({ dataDir: directory });
  const s3 = createS3Client(server);
  await s3.send(new CreateBucketCommand({ Bucket: world.bucket }));
  s3.destroy();
  store = createObjectStorage(server)(world.bucket);
  for (const { key } of await collect(world.context.federationStore.list(keyOf('')))) {
    await store.put(key, (await world.context.federationStore.get(key)).body);
  }
});
afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

function merge(at: unknown, federation: unknown = world.context.federation) {
  const env = {
    ...process.env,
    FEDCARDIO_ENDPOINT: server.endpoint,
    FEDCARDIO_MERGE: JSON.stringify(at),
    FEDCARDIO_FEDERATION: JSON.stringify(federation),
    // A merge must not load a tensor backend: this name would fail.
    FEDCARDIO_BACKEND: 'none',
  };
  return new Promise<{ readonly code: number; readonly errors: string }>((resolve) => {
    execFile(process.execPath, [...NODE_WITH_TSX, MAIN], { env }, (error, _, errors) =>
      resolve({ code: error ? Number(error.code) : 0, errors }),
    );
  });
}

const globalModelIn = async (federationStore: FederationStore) => {
  const commit = await readJson(federationStore, federationKeys.commit(AT), commitSchema);
  return (await federationStore.get(commit.value.global!.key)).body;
};

describe('a merge in a container', () => {
  test('has the same bytes as a merge in a function, and does nothing the second time', async () => {
    const first = await merge(AT);
    expect(first.errors).toContain('"result":"committed"');
    expect(first.code).toBe(0);
    expect(await closeRound(world.context, AT)).toBe('committed');
    expect(Buffer.compare(await globalModelIn(store), await globalModelIn(world.context.federationStore))).toBe(0);

    expect((await merge(AT)).code).toBe(0);
  });

  test('does nothing for a round that is not open', async () => {
    const { code, errors } = await merge({ ...AT, round: 2 });
    expect(errors).toContain('"result":"not-open"');
    expect(code).toBe(0);
  });

  test.each([
    ['has no valid round', { campaign: 'tavi' }, undefined, 'FEDCARDIO_MERGE: '],
    ['has no valid federation', AT, {}, 'FEDCARDIO_FEDERATION: '],
  ])('exits with 2 if it %s', async (_, at, federation, reason) => {
    const { code, errors } = await merge(at, federation);
    expect(errors).toContain(reason);
    expect(code).toBe(2);
  });

  test('exits with 1 if a retry may help', async () => {
    const { code } = await merge(AT, { ...world.context.federation, id: 'unknown' });
    expect(code).toBe(1);
  });
});
