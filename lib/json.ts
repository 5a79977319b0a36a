import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { FedcardioError } from './error.ts';

/**
 * A value as JSON with sorted keys and without white space: equal values have equal bytes and thus the same SHA-256.
 * Undefined properties are left out.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** SHA-256 of bytes, or of text in UTF-8, in lower-case hexadecimal. */
export const sha256Hex = (data: Uint8Array | string): string => createHash('sha256').update(data).digest('hex');

/**
 * Parses JSON that a person wrote, or that is about to be stored: every key must be known.
 *
 * @param where name of the object or message, for the error: "campaigns/tavi/campaign.json"
 * @throws FedcardioError `BAD_MESSAGE` with `where` and the path of every fault; `NEWER_SCHEMA` if the value names a newer
 *   major version of its schema than this release reads
 */
export const parseJson = <S extends z.ZodType>(bytes: Uint8Array, schema: S, where: string): z.infer<S> =>
  parseValue(jsonOf(bytes, where), schema, where);

/** Like {@link parseJson}, for a parsed value. */
export function parseValue<S extends z.ZodType>(value: unknown, schema: S, where: string): z.infer<S> {
  refuseNewerVersion(value, schema, where);
  const parsed = orRefused(where, () => schema.safeParse(value));
  if (parsed.success) return parsed.data;
  throw refusal(where, parsed.error);
}

/**
 * Parses JSON that another release may have written. Keys that this release does not know are ignored at every depth.
 * What cannot be ignored is refused as newer: a newer major version, or a text that is none of a closed list, such as a
 * strategy. See docs/architecture.md, "Compatibility".
 *
 * The result lacks the ignored keys: hash the stored bytes, never the result.
 *
 * @throws FedcardioError `BAD_MESSAGE` with `where` and the path of every fault; `NEWER_SCHEMA` if only a newer release
 *   can read it
 */
export const parseDocument = <S extends z.ZodType>(bytes: Uint8Array, schema: S, where: string): z.infer<S> =>
  parseMessage(jsonOf(bytes, where), schema, where);

/** Like {@link parseDocument}, for a parsed value. */
export function parseMessage<S extends z.ZodType>(value: unknown, schema: S, where: string): z.infer<S> {
  refuseNewerVersion(value, schema, where);
  let known = value;
  for (;;) {
    const parsed = orRefused(where, () => schema.safeParse(known));
    if (parsed.success) return parsed.data;
    const { issues } = parsed.error;
    const unknown = issues.filter((issue) => issue.code === 'unrecognized_keys');
    if (unknown.length === 0) {
      if (!issues.every((issue) => isUnknownChoice(issue, known))) throw refusal(where, parsed.error);
      const choices = firstOf(issues, ({ path }) => `${pathOf(path)}${quoted(valueAt(known, path))}`);
      throw newer(`${where} has values that this release does not know: ${choices}`, parsed.error);
    }
    known = orRefused(where, () => withoutKeys(known, unknown));
  }
}

function jsonOf(bytes: Uint8Array, where: string): unknown {
  requireFewValues(bytes, where);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    // The engine quotes the text, line breaks included.
    const fault = (cause as Error).message.replace(/\s+/g, ' ');
    throw new FedcardioError('BAD_MESSAGE', `${where} is not JSON: ${fault}.`, { cause });
  }
}

/**
 * A document may have this many values, and one more for each 20 bytes. Zod keeps an issue of about a kilobyte for each value
 * that it refuses: without a limit, refusing a document of 1 MiB took half a gigabyte.
 */
const FREE_VALUES = 50_000;
const BYTES_PER_VALUE = 20;

/** Counts commas, which every value but the first has in front of it. */
function requireFewValues(bytes: Uint8Array, where: string): void {
  const allowed = FREE_VALUES + bytes.length / BYTES_PER_VALUE;
  if (bytes.length <= allowed) return;
  let values = 0;
  for (const byte of bytes) if (byte === 0x2c) values++;
  if (values <= allowed) return;
  const fault = `${where} has ${values} values in ${bytes.length} bytes, ${Math.floor(allowed)} are allowed.`;
  throw new FedcardioError('BAD_MESSAGE', fault);
}

/** A value on which a schema fails, for example for lack of stack, is refused. */
function orRefused<T>(where: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new FedcardioError('BAD_MESSAGE', `${where} cannot be parsed: ${(cause as Error).message}.`, { cause });
  }
}

/** Most faults that a message names. */
const NAMED_FAULTS = 20;

function refusal(where: string, error: z.ZodError): FedcardioError {
  const faults = firstOf(error.issues.flatMap(innerIssues), ({ path, message }) => `${pathOf(path)}${message}`);
  return new FedcardioError('BAD_MESSAGE', `${where}: ${faults}.`, { cause: error });
}

/** The first of some faults in words, and how many more there are. */
function firstOf<T>(faults: readonly T[], words: (fault: T) => string): string {
  const more = faults.length > NAMED_FAULTS ? [`and ${faults.length - NAMED_FAULTS} more`] : [];
  return [...faults.slice(0, NAMED_FAULTS).map(words), ...more].join('; ');
}

/** The faults that an issue stands for: those of a name, or those of the only option of a union that the value may be. */
function innerIssues(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] {
  const inside = (inner: readonly z.core.$ZodIssue[]) =>
    inner.flatMap(innerIssues).map((one) => ({ ...one, path: [...issue.path, ...one.path] }));
  if (issue.code === 'invalid_key') return inside(issue.issues);
  if (issue.code !== 'invalid_union') return [issue];
  const isOfThisKind = (inner: readonly z.core.$ZodIssue[]) =>
    inner.every(({ code, path }) => code !== 'invalid_type' || path.length > 0);
  const [option, ...others] = issue.errors.filter(isOfThisKind);
  return option && others.length === 0 ? inside(option) : [issue];
}

const newer = (message: string, cause?: unknown): FedcardioError =>
  new FedcardioError('NEWER_SCHEMA', `${message}.`, { cause, hint: 'Upgrade this deployment of fedcardio.' });

/** A version of a schema, as documents name it: "fedcardio.plan/1". */
const VERSION = /^(fedcardio\.[a-z0-9-]+)\/([1-9]\d{0,5})$/;

function refuseNewerVersion(value: unknown, schema: z.ZodType, where: string): void {
  const written = valueAt(value, ['schema']);
  const [, name, major] = (typeof written === 'string' && VERSION.exec(written)) || [];
  const majors = versionsOf(schema).flatMap((version) => {
    const [, readName, readMajor] = VERSION.exec(version) ?? [];
    return readName === name ? [Number(readMajor)] : [];
  });
  if (majors.length === 0 || Number(major) <= Math.max(...majors)) return;
  const read = `${name}/${Math.max(...majors)}`;
  throw newer(`${where} was written by a newer release (${written}; this release reads up to ${read})`);
}

/** The versions that a schema reads: what it, or any option of a union, accepts as `schema`. */
export function versionsOf(schema: z.core.$ZodType): readonly string[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'union') return def.options.flatMap(versionsOf);
  if (def.type === 'literal') return def.values.filter((value) => typeof value === 'string');
  return def.type === 'object' && def.shape.schema ? versionsOf(def.shape.schema) : [];
}

/** Whether the fault is a text that is none of a closed list. Another `schema` means another kind of document. */
function isUnknownChoice({ code, path }: z.core.$ZodIssue, value: unknown): boolean {
  const isChoice = code === 'invalid_value' || code === 'invalid_union';
  return isChoice && !(path.length === 1 && path[0] === 'schema') && typeof valueAt(value, path) === 'string';
}

function withoutKeys(value: unknown, unknown: readonly z.core.$ZodIssueUnrecognizedKeys[]): unknown {
  const copy = structuredClone(value);
  for (const { path, keys } of unknown) {
    for (const key of keys) delete (valueAt(copy, path) as Record<string, unknown>)[key];
  }
  return copy;
}

/** The value at a path, of own keys alone. */
const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce(
    (inner, part) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, part)
        ? (inner as Readonly<Record<PropertyKey, unknown>>)[part]
        : undefined,
    value,
  );

/** Most characters of a value in a message. */
const QUOTE_LENGTH = 60;
const quoted = (value: unknown): string => JSON.stringify(String(value).slice(0, QUOTE_LENGTH));

/** A path as a prefix of a message: `stages[0].rounds: `; empty for the root. */
function pathOf(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return text && `${text.replace(/^\./, '')}: `;
}
