import type { z } from 'zod';
import { FedcardioError } from '../error.ts';
import { canonicalJson, parseJson, sha256Hex } from '../json.ts';
import type { ObjectStore } from '../protocol/ports.ts';

/** A JSON object as it is stored. */
export interface Document<T> {
  readonly value: T;
  /** Of the stored bytes: what other documents refer to it by. */
  readonly sha256: string;
}

/** A document that was read. */
export interface StoredDocument<T> extends Document<T> {
  readonly etag: string;
}

type Reader = Pick<ObjectStore, 'tryGet'>;

/** Reads a JSON object. Throws `BAD_MESSAGE` naming key and path of the fault, `NOT_FOUND` where there is none. */
export async function readJson<S extends z.ZodType>(
  objects: Reader,
  bucket: string,
  key: string,
  schema: S,
): Promise<StoredDocument<z.infer<S>>> {
  const document = await tryReadJson(objects, bucket, key, schema);
  if (!document) throw new FedcardioError('NOT_FOUND', `There is no s3://${bucket}/${key}.`);
  return document;
}

/** Like {@link readJson}, undefined where there is no such object. */
export async function tryReadJson<S extends z.ZodType>(
  objects: Reader,
  bucket: string,
  key: string,
  schema: S,
): Promise<StoredDocument<z.infer<S>> | undefined> {
  const stored = await objects.tryGet(bucket, key);
  if (!stored) return undefined;
  const { body, etag } = stored;
  return { value: parseJson(body, schema, key), sha256: sha256Hex(body), etag };
}

/**
 * Creates a JSON object once: of many that try, one creates and all return what was created.
 *
 * @returns the stored document, `created` where it is this caller's
 */
export async function createJson<S extends z.ZodType>(
  objects: Reader & Pick<ObjectStore, 'putIfAbsent'>,
  bucket: string,
  key: string,
  schema: S,
  value: z.infer<S>,
): Promise<Document<z.infer<S>> & { readonly created: boolean }> {
  const body = canonicalJson(value);
  const sha256 = sha256Hex(body);
  if ((await objects.putIfAbsent(bucket, key, body)) === 'created') return { value, sha256, created: true };
  const stored = await readJson(objects, bucket, key, schema);
  // It may be this caller's: a write whose answer was lost is repeated, and then fails on its own success.
  return { ...stored, created: stored.sha256 === sha256 };
}
