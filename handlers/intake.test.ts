import { describe, expect, test } from 'vitest';
import { federationKeys, siteKeys } from '../lib/federation/keys.ts';
import { federationSchema, summarySchema } from '../lib/federation/schemas.ts';
import { names } from '../lib/federation/topology.ts';
import { affineOf } from '../lib/imaging/affine.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import type { OpenBucket } from '../lib/storage/contract.ts';
import { storesOf, wrapBuckets } from '../lib/storage/stores.ts';
import { createMemoryStorage } from '../lib/storage/testing-objects.ts';
import { withUnreadable } from '../lib/storage/testing-unreadable.ts';
import type { HandlerContext, SqsEvent } from './context.ts';
import { intake, summaryCache } from './intake.ts';

const federation = federationSchema.parse({
  schema: 'fedcardio.federation/1',
  id: 'tavi',
  sites: [
    { id: 'berlin', name: 'Berlin' },
    { id: 'munich', name: 'München' },
  ],
});
const BERLIN = names.siteBucket('tavi', 'berlin');
const MUNICH = names.siteBucket('tavi', 'munich');

const image = (seed: number) =>
  writeNifti({
    shape: [6, 5, 4],
    affine: affineOf([
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
    ]),
    data: new Int16Array(120).map((_, i) => (((i + seed) * 37) % 900) - 500),
  });

/** A process that has just been started. */
function prepare(memory = createMemoryStorage(), openBucket: OpenBucket = memory) {
  summaryCache.clear();
  const logged: { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }[] = [];
  const unused = () => Promise.reject(new Error('Intake must not use a queue or a launcher.'));
  const context: HandlerContext = {
    federation,
    ...storesOf(openBucket, 'tavi'),
    queues: { send: unused, receive: unused, delete: unused, changeVisibility: unused, depth: unused },
    launcher: { submit: unused },
    now: () => new Date('2026-01-02T03:04:05Z'),
    log: (event, fields) => logged.push({ event, fields }),
  };
  const exists = async (bucket: string, key: string) => (await memory(bucket).head(key)) !== undefined;
  const summary = async (site: string) => {
    const { body } = await memory(names.federationBucket('tavi')).get(federationKeys.summary(site));
    return summarySchema.parse(JSON.parse(Buffer.from(body).toString()));
  };
  const put = (bucket: string, key: string, body: Uint8Array) => memory(bucket).put(key, body);
  return { context, logged, put, exists, summary };
}

const record = (bucket: string, key: string) => ({
  eventVersion: '2.1',
  eventSource: 'aws:s3',
  eventName: 'ObjectCreated:Put',
  eventTime: '2026-01-02T03:04:05.000Z',
  s3: { bucket: { name: bucket }, object: { key, size: 1, eTag: 'x', sequencer: '0055' } },
});

const messages = (...bodies: readonly unknown[]): SqsEvent => ({
  Records: bodies.map((body, i) => ({
    messageId: `m${i}`,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })),
});
const uploaded = (bucket: string, ...keys: readonly string[]) => ({ Records: keys.map((key) => record(bucket, key)) });
const failures = (...ids: readonly string[]) => ({
  batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })),
});

test('counts an object outside any case until it is removed', async () => {
  const { context, put, summary } = prepare();
  const stray = messages(uploaded(BERLIN, 'cases/scan.nii.gz'));
  await put(BERLIN, 'cases/p7/image.nii.gz', image(1));
  await intake(messages(uploaded(BERLIN, 'cases/p7/image.nii.gz')), context);

  await put(BERLIN, 'cases/scan.nii.gz', image(1));
  await intake(stray, context);
  expect((await summary('berlin')).cases).toEqual({ training: 1, evaluation: 0, rejected: 1 });

  await context.siteStore('berlin').delete(siteKeys.ofEvent('cases/scan.nii.gz'));
  await intake(stray, context);
  expect((await summary('berlin')).cases).toEqual({ training: 1, evaluation: 0, rejected: 0 });
});

test('catalogs and counts an upload', async () => {
  const { context, put, exists, summary, logged } = prepare();
  await put(BERLIN, 'cases/p7/image.nii.gz', image(1));

  const response = await intake(messages(uploaded(BERLIN, 'cases/p7/image.nii.gz')), context);

  expect(response).toEqual(failures());
  expect(await exists(BERLIN, siteKeys.catalog('p7'))).toBe(true);
  expect((await summary('berlin')).cases).toEqual({ training: 1, evaluation: 0, rejected: 0 });
  expect(logged).toEqual([
    { event: 'case-examined', fields: { site: 'berlin', case: 'p7', cataloged: true, faults: [] } },
  ]);
});

test('decodes percent signs and + in keys', async () => {
  const { context, put, exists } = prepare();
  await put(BERLIN, 'cases/Müller, Hans/image.nii.gz', image(1));
  const key = 'cases/M%C3%BCller%2C+Hans/image.nii.gz';
  expect(await intake(messages(uploaded(BERLIN, key)), context)).toEqual(failures());
  expect(await exists(BERLIN, siteKeys.rejected('Müller, Hans'))).toBe(true);
});

test('reconciles each case and counts each site once per batch', async () => {
  const summaries: string[] = [];
  const memory = createMemoryStorage();
  const recorded = wrapBuckets(memory, (store) => ({
    ...store,
    put: (key, ...rest) => {
      if (key.startsWith('sites/')) summaries.push(key);
      return store.put(key, ...rest);
    },
  }));
  const { context, logged, summary, put } = prepare(memory, recorded);
  for (const id of ['p1', 'p2']) await put(BERLIN, `cases/${id}/image.nii.gz`, image(Number(id[1])));
  await put(MUNICH, 'held-out/p1/image.nii.gz', image(1));
  await put(MUNICH, 'cases/loose.nii.gz', image(1));

  const response = await intake(
    messages(
      uploaded(BERLIN, 'cases/p1/image.nii.gz', 'cases/p1/labels/calcification.nii.gz'),
      uploaded(BERLIN, 'cases/p1/image.nii.gz'),
      uploaded(BERLIN, 'cases/p2/image.nii.gz'),
      uploaded(MUNICH, 'held-out/p1/image.nii.gz', 'cases/loose.nii.gz', 'cases/p3/'),
    ),
    context,
  );

  expect(response).toEqual(failures());
  expect(logged.map(({ fields }) => fields.case)).toEqual(['p1', 'p2', 'p1', 'cases/loose.nii.gz']);
  expect(summaries).toEqual(['sites/berlin/summary.json', 'sites/munich/summary.json']);
  expect((await summary('berlin')).cases).toEqual({ training: 2, evaluation: 0, rejected: 0 });
  expect((await summary('munich')).cases).toEqual({ training: 0, evaluation: 1, rejected: 1 });
});

describe('fails only the messages', () => {
  test('that are not an S3 event or name an unknown bucket', async () => {
    const { context, put, exists } = prepare();
    await put(BERLIN, 'cases/p1/image.nii.gz', image(1));
    const response = await intake(
      messages(
        '{',
        { hello: 1 },
        uploaded('unknown', 'cases/p1/image.nii.gz'),
        uploaded(BERLIN, 'cases/p1/image.nii.gz'),
        { Event: 's3:TestEvent' },
      ),
      context,
    );
    expect(response).toEqual(failures('m0', 'm1', 'm2'));
    expect(await exists(BERLIN, siteKeys.catalog('p1'))).toBe(true);
  });

  test('that name a case of which a newer release has written', async () => {
    const { context, put, exists, summary } = prepare();
    for (const id of ['p1', 'p2', 'x9']) await put(BERLIN, `cases/${id}/image.nii.gz`, image(id.charCodeAt(1)));
    await put(BERLIN, 'catalog/p2.json', Buffer.from('{"schema":"fedcardio.catalog/2"}'));
    const ids = ['p1', 'p2', 'x9'];

    const response = await intake(messages(...ids.map((id) => uploaded(BERLIN, `cases/${id}/image.nii.gz`))), context);

    expect(response).toEqual(failures('m1'));
    expect(await Promise.all(['p1', 'x9'].map((id) => exists(BERLIN, siteKeys.catalog(id))))).toEqual([true, true]);
    expect((await summary('berlin')).cases.training).toBeGreaterThanOrEqual(2);
  });

  test('beside a catalog entry that is archived, which is told', async () => {
    const memory = createMemoryStorage();
    const openBucket = wrapBuckets(memory, (store) =>
      withUnreadable(store, (key) => (key === 'catalog/p1.json' ? 'GLACIER' : undefined)),
    );
    const { context, put, exists, logged } = prepare(memory, openBucket);
    await put(BERLIN, siteKeys.catalog('p1'), Buffer.from('{}'));
    for (const id of ['p1', 'p2']) await put(BERLIN, `cases/${id}/image.nii.gz`, image(Number(id[1])));

    const response = await intake(
      messages(...['p1', 'p2'].map((id) => uploaded(BERLIN, `cases/${id}/image.nii.gz`))),
      context,
    );

    expect(response).toEqual(failures('m0'));
    expect(await exists(BERLIN, siteKeys.catalog('p2'))).toBe(true);
    expect(logged).toContainEqual({
      event: 'case-not-counted',
      fields: { site: 'berlin', case: 'p1', reason: expect.stringContaining('InvalidObjectState') },
    });
  });

  test('that name a case whose image cannot be read from storage', async () => {
    const memory = createMemoryStorage();
    const failing = wrapBuckets(memory, (store) => ({
      ...store,
      getRange: (key, ...range) =>
        key.includes('/p1/') ? Promise.reject(new Error('connection reset')) : store.getRange(key, ...range),
    }));
    const { context, exists, put } = prepare(memory, failing);
    for (const id of ['p1', 'p2']) await put(BERLIN, `cases/${id}/image.nii.gz`, image(Number(id[1])));
    const response = await intake(
      messages(
        uploaded(BERLIN, 'cases/p1/image.nii.gz'),
        uploaded(BERLIN, 'cases/p2/image.nii.gz'),
        uploaded(BERLIN, 'cases/p1/image.nii.gz'),
      ),
      context,
    );
    expect(response).toEqual(failures('m0', 'm2'));
    expect(await exists(BERLIN, siteKeys.catalog('p2'))).toBe(true);
  });

  test('that name a stray whose rejection cannot be written', async () => {
    const memory = createMemoryStorage();
    const denying = wrapBuckets(memory, (store) => ({
      ...store,
      put: (key, ...rest) =>
        String(key).startsWith('rejected/') ? Promise.reject(new Error('denied')) : store.put(key, ...rest),
    }));
    const { context, put, exists } = prepare(memory, denying);
    await put(BERLIN, 'cases/scan.nii.gz', image(1));
    await put(BERLIN, 'cases/p1/image.nii.gz', image(1));
    const response = await intake(
      messages(uploaded(BERLIN, 'cases/scan.nii.gz'), uploaded(BERLIN, 'cases/p1/image.nii.gz')),
      context,
    );
    expect(response).toEqual(failures('m0'));
    expect(await exists(BERLIN, siteKeys.catalog('p1'))).toBe(true);
  });

  test('of a site whose summary cannot be written', async () => {
    const memory = createMemoryStorage();
    const denying = wrapBuckets(memory, (store) => ({
      ...store,
      put: (key, ...rest) =>
        String(key) === federationKeys.summary('munich')
          ? Promise.reject(new Error('denied'))
          : store.put(key, ...rest),
    }));
    const { context, put } = prepare(memory, denying);
    await put(BERLIN, 'cases/p1/image.nii.gz', image(1));
    await put(MUNICH, 'cases/p1/image.nii.gz', image(1));
    const response = await intake(
      messages(uploaded(MUNICH, 'cases/p1/image.nii.gz'), uploaded(BERLIN, 'cases/p1/image.nii.gz')),
      context,
    );
    expect(response).toEqual(failures('m0'));
  });
});
