import { objectError } from '../aws/failures.ts';
import type { ObjectStore } from './contract.ts';

/** What S3 answers for objects that can be listed, but not read: name, status, message. */
const REFUSALS = {
  GLACIER: ['InvalidObjectState', 403, "The operation is not valid for the object's storage class"],
  'SSE-C': ['InvalidRequest', 400, 'The object was stored using a form of Server Side Encryption.'],
  'a KMS key of others': ['AccessDenied', 403, 'User is not authorized to perform: kms:Decrypt on this resource'],
  'a disabled KMS key': ['KMS.DisabledException', 400, 'The key is disabled.'],
  'an outage': ['SlowDown', 503, 'Please reduce your request rate.'],
  'a wrong access key': ['InvalidAccessKeyId', 403, 'The key does not exist in our records.'],
} as const satisfies Readonly<Record<string, readonly [name: string, status: number, message: string]>>;

export type RefusalName = keyof typeof REFUSALS;
export const PERMANENT: readonly RefusalName[] = ['GLACIER', 'SSE-C'];
export const DENIED: readonly RefusalName[] = ['a KMS key of others', 'a disabled KMS key'];

/** The error of a store for such an object. */
export function refusalError(refusal: RefusalName, key: string): Error {
  const [name, status, message] = REFUSALS[refusal];
  const exception = Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
  return objectError(exception, `read s3://b/${key}`);
}

/** The same store, with objects that cannot be read. */
export function withUnreadable<K extends string>(
  store: ObjectStore<K>,
  refusalOf: (key: K) => RefusalName | undefined,
): ObjectStore<K> {
  const check = (key: K) => {
    const refusal = refusalOf(key);
    if (refusal) throw refusalError(refusal, key);
  };
  return {
    ...store,
    get: async (key) => {
      check(key);
      return store.get(key);
    },
    tryGet: async (key, ...limit) => {
      check(key);
      return store.tryGet(key, ...limit);
    },
    getRange: async (key, ...range) => {
      check(key);
      return store.getRange(key, ...range);
    },
    stream: async (key) => {
      check(key);
      return store.stream(key);
    },
  };
}
