import { ListObjectsV2Command, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, test } from 'vitest';
import { mapConcurrently } from '../../lib/async.ts';
import { IS_LOCALSTACK, useBackend } from '../helpers/backend.ts';

const backend = useBackend();

/** Unsorted. JavaScript would order U+1F600 before U+FFEE. */
const ODD = [
  'z',
  'a/b/1',
  'a/b/2',
  'a b',
  'a+b',
  'a%20b',
  'a/\u{1f600}',
  'a/\uffee',
  'a',
  'a/',
  'Z',
  'é',
  'a/c',
  'a/b',
  '~',
  'a/d/e/f',
  'ä/x',
  '=',
  '&',
  '"<',
];
const sorted = [...ODD].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
/** LocalStack cannot continue a list after a non-ASCII key. */
const PAGES = IS_LOCALSTACK ? [1000] : [1, 3, 1000];
const page = (rest: object) => backend.s3().send(new ListObjectsV2Command({ Bucket: backend.bucket, ...rest }));

async function pages(pageSize: number, rest: object) {
  const found = { keys: [] as string[], prefixes: [] as string[], sizes: [] as number[] };
  const config = { client: backend.s3(), pageSize };
  for await (const { Contents = [], CommonPrefixes = [], KeyCount = 0 } of paginateListObjectsV2(config, {
    Bucket: backend.bucket,
    ...rest,
  })) {
    found.keys.push(...Contents.map(({ Key }) => (Key as string).slice('odd/'.length)));
    found.prefixes.push(...CommonPrefixes.map(({ Prefix }) => (Prefix as string).slice('odd/'.length)));
    found.sizes.push(KeyCount);
  }
  return found;
}

beforeAll(async () => {
  for (const key of ODD) await backend.put(`odd/${key}`, key);
  await mapConcurrently(
    Array.from({ length: 1001 }, (_, i) => i),
    16,
    (i) => backend.put(`many/${i}`, ''),
  );
});

describe('lists', () => {
  test.each(PAGES)('return all keys in byte order, in pages of %i', async (pageSize) => {
    const { keys, sizes } = await pages(pageSize, { Prefix: 'odd/' });
    expect(keys).toEqual(sorted);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(pageSize);
  });

  test.each(PAGES)('group by a delimiter, in pages of %i', async (pageSize) => {
    const root = await pages(pageSize, { Prefix: 'odd/', Delimiter: '/' });
    expect(root.keys).toEqual(sorted.filter((key) => !key.includes('/')));
    expect(root.prefixes).toEqual(['a/', 'ä/']);
    const below = await pages(pageSize, { Prefix: 'odd/a/', Delimiter: '/' });
    expect(below.keys).toEqual(['a/', 'a/b', 'a/c', 'a/\uffee', 'a/\u{1f600}']);
    expect(below.prefixes).toEqual(['a/b/', 'a/d/']);
  });

  test('are truncated after a thousand keys', async () => {
    const first = await page({ Prefix: 'many/' });
    expect([first.KeyCount, first.IsTruncated]).toEqual([1000, true]);
    const second = await page({ Prefix: 'many/', ContinuationToken: first.NextContinuationToken });
    expect([second.KeyCount, second.IsTruncated, second.NextContinuationToken]).toEqual([1, false, undefined]);
  });

  test('start after a key, and describe objects', async () => {
    const { Contents } = await page({ Prefix: 'odd/', StartAfter: 'odd/a/b', MaxKeys: 1 });
    const { ETag } = await backend.get('odd/a/b/1');
    expect(Contents).toMatchObject([{ Key: 'odd/a/b/1', Size: 5, ETag, LastModified: expect.any(Date) }]);
  });

  test('are consistent with writes and deletions', async () => {
    const { KeyCount: before } = await page({ Prefix: 'fresh/' });
    await backend.put('fresh/a');
    expect([before, (await page({ Prefix: 'fresh/' })).KeyCount]).toEqual([0, 1]);
  });

  test('can encode keys', async () => {
    const { Contents } = await page({ Prefix: 'odd/a%20', EncodingType: 'url' });
    expect(Contents?.map(({ Key }) => Key)).toEqual(['odd/a%2520b']);
  });
});
