import type { z } from 'zod';
import { FedcardioError, isFedcardioError } from '../error.ts';
import { isPassedOver } from '../federation/keys.ts';
import { canonicalJson, parseDocument, parseJson, sha256Hex } from '../json.ts';
import type { ObjectInfo, ObjectStore, PutOptions, StoredObject } from './contract.ts';

/** A JSON object as it is stored. `value` has the keys that this release knows; the stored bytes may have more. */
export interface Document<T> {
  readonly value: T;
  /** SHA-256 of the stored bytes. Other documents refer to it. */
  readonly sha256: string;
}

/** A document that was read, with the ETag of its version. */
export interface StoredDocument<T> extends Document<T> {
  readonly etag: string;
}

/** What was parsed of objects that a reader keeps, by schema. */
const parsed = new WeakMap<StoredObject, Map<z.ZodType, Document<unknown>>>();

/** Has an object parsed once, for a reader that keeps it and gives it again and again. Nobody may change what is parsed. */
export function parseOnce(stored: StoredObject): StoredObject {
  parsed.set(stored, new Map());
  return stored;
}

/** Longest document that is written or read, bytes. Readers hold a document in memory several times over. */
export const LONGEST_DOCUMENT_BYTES = 16 * 1024 * 1024;

/** The store to read from; its bucket's name goes into error messages. */
type Reader<K extends string> = Pick<ObjectStore<K>, 'bucket' | 'tryGet'>;

/**
 * Reads a JSON object that another release may have written: see {@link parseDocument}.
 *
 * @param parse `parseJson` for an object that a person wrote
 * @throws FedcardioError `BAD_MESSAGE` with the key and the path of each fault, or if it has more than 16 MiB; `NEWER_SCHEMA` if
 *   only a newer release can read it, `NOT_FOUND` if it is missing
 */
export async function readJson<K extends string, S extends z.ZodType>(
  store: Reader<K>,
  key: NoInfer<K>,
  schema: S,
  parse: typeof parseDocument = parseDocument,
): Promise<StoredDocument<z.infer<S>>> {
  const document = await tryReadJson(store, key, schema, parse);
  if (!document) throw new FedcardioError('NOT_FOUND', `There is no s3://${store.bucket}/${key}.`);
  return document;
}

/** Like {@link readJson}, but undefined if the object is missing. */
export async function tryReadJson<K extends string, S extends z.ZodType>(
  store: Reader<K>,
  key: NoInfer<K>,
  schema: S,
  parse: typeof parseDocument = parseDocument,
): Promise<StoredDocument<z.infer<S>> | undefined> {
  const stored = await store.tryGet(key, LONGEST_DOCUMENT_BYTES);
  if (!stored) return undefined;
  const { body, etag } = stored;
  const known = parse === parseDocument ? parsed.get(stored) : undefined;
  const document = (known?.get(schema) as Document<z.infer<S>> | undefined) ?? {
    value: parse(body, schema, key),
    sha256: sha256Hex(body),
  };
  known?.set(schema, document);
  return { ...document, etag };
}

/** A JSON object that its reader may replace. `value` is undefined if it cannot be parsed. */
export interface Stored<T> {
  readonly etag: string;
  readonly value: T | undefined;
}

/** Like {@link tryReadJson}, for an object that is replaced, not refused, if it cannot be parsed. */
export async function readStored<K extends string, S extends z.ZodType>(
  store: Pick<ObjectStore<K>, 'tryGet'>,
  key: NoInfer<K>,
  schema: S,
): Promise<Stored<z.infer<S>> | undefined> {
  const found = await store.tryGet(key);
  if (!found) return undefined;
  try {
    return { etag: found.etag, value: parseDocument(found.body, schema, key) };
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_MESSAGE')) throw error;
    return { etag: found.etag, value: undefined };
  }
}

/** The JSON objects below a prefix. Folders and files that somebody else put there are passed over. */
export async function* listDocuments<K extends string>(
  store: Pick<ObjectStore<K>, 'list'>,
  prefix: NoInfer<K>,
): AsyncIterable<ObjectInfo<K>> {
  for await (const info of store.list(prefix)) {
    if (info.key.endsWith('.json') && !isPassedOver(info.key)) yield info;
  }
}

/**
 * The bytes of a document as they are stored. They are read back with the schema before they are written: what no reader
 * could parse, such as NaN, which JSON stores as null, must never become a document that cannot be replaced.
 *
 * @throws FedcardioError `BAD_MESSAGE` with the path of each fault, or if the document has more than 16 MiB
 */
export function documentBody<S extends z.ZodType>(schema: S, value: z.infer<S>, where = 'The new document'): string {
  const body = canonicalJson(value);
  const bytes = Buffer.from(body);
  if (bytes.length > LONGEST_DOCUMENT_BYTES) {
    throw new FedcardioError(
      'BAD_MESSAGE',
      `${where} has ${bytes.length} bytes, ${LONGEST_DOCUMENT_BYTES} are allowed.`,
    );
  }
  parseJson(bytes, schema, where);
  return body;
}

/**
 * Writes a JSON object, over the version that `condition` names if it names one.
 *
 * @returns the ETag of the new version
 * @throws FedcardioError `BAD_MESSAGE` if the value does not fit its schema; nothing is then written
 */
export async function writeDocument<K extends string, S extends z.ZodType>(
  store: Pick<ObjectStore<K>, 'put'>,
  key: NoInfer<K>,
  schema: S,
  value: z.infer<S>,
  condition: Pick<PutOptions, 'ifMatch' | 'ifNoneMatch'> = {},
): Promise<{ readonly etag: string }> {
  return store.put(key, documentBody(schema, value, key), { ...condition, contentType: 'application/json' });
}

/**
 * Creates a JSON object once: of several concurrent callers one creates it, and all return what was created.
 *
 * @returns the stored document; `created` if it is this caller's
 * @throws FedcardioError `BAD_MESSAGE` if the value does not fit its schema; nothing is then written
 */
export async function createJson<K extends string, S extends z.ZodType>(
  store: Reader<K> & Pick<ObjectStore<K>, 'putIfAbsent'>,
  key: NoInfer<K>,
  schema: S,
  value: z.infer<S>,
): Promise<Document<z.infer<S>> & { readonly created: boolean }> {
  const body = documentBody(schema, value, key);
  const sha256 = sha256Hex(body);
  if ((await store.putIfAbsent(key, body)) === 'created') return { value, sha256, created: true };
  const stored = await readJson(store, key, schema);
  // It may still be this caller's: a write whose response was lost is repeated and then finds its own result.
  return { ...stored, created: stored.sha256 === sha256 };
}
