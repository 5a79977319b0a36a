import { describe, expect, test } from 'vitest';
import { FedcardioError } from '../error.ts';
import { DENIED, PERMANENT, refusalError } from './testing-unreadable.ts';
import { failureOfAll, unreadableOf } from './unreadable.ts';

describe('unreadableOf', () => {
  test.each(PERMANENT)('%s stays unreadable', (refusal) => {
    expect(unreadableOf(refusalError(refusal, 'k'))).toMatchObject({ permanent: true });
  });

  test.each(DENIED)('%s may be granted later', (refusal) => {
    expect(unreadableOf(refusalError(refusal, 'k'))).toMatchObject({ permanent: false });
  });

  test.each([
    refusalError('an outage', 'k'),
    refusalError('a wrong access key', 'k'),
    new FedcardioError('STORAGE', 'Reset.', { cause: Object.assign(new Error('reset'), { code: 'ECONNRESET' }) }),
    new FedcardioError('NOT_FOUND', 'Missing.'),
    new Error('bug'),
  ])('passes over %s', (error) => {
    expect(unreadableOf(error)).toBeUndefined();
  });
});

describe('failureOfAll', () => {
  const archived = unreadableOf(refusalError('GLACIER', 'k'));
  const denied = unreadableOf(refusalError('a KMS key of others', 'k'));
  const read = (site: string, unreadable: typeof denied) => ({ site, unreadable });

  test('is the failure that all sites share', () => {
    expect(failureOfAll([read('berlin', denied), read('munich', denied)], 3)).toBe(denied?.error);
    expect(failureOfAll([read('berlin', denied)], 1)).toBe(denied?.error);
  });

  test.each([
    ['nothing was read', []],
    ['one site alone fails', [read('berlin', denied), read('berlin', denied)]],
    ['one site is readable', [read('berlin', denied), read('munich', undefined)]],
    ['sites fail differently', [read('berlin', denied), read('munich', archived)]],
  ])('is none if %s', (_, reads) => {
    expect(failureOfAll(reads, 3)).toBeUndefined();
  });
});
