import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { FedcardioError, isFedcardioError } from './error.ts';
import { newerVersion } from './schema-version.ts';

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
 * Parses JSON that a person wrote, or that is about to be stored. Every key must be known.
 *
 * @param where name of the object or message, for the error: "campaigns/tavi/campaign.json"
 * @throws FedcardioError `BAD_MESSAGE` with `where` and the path of every fault; `NEWER_SCHEMA` if the schema's major
 *   version is newer than the one that this release reads
 */
export const parseJson = <S extends z.ZodType>(bytes: Uint8Array, schema: S, where: string): z.infer<S> =>
  parseValue(jsonOf(bytes, where), schema, where);

/** Like {@link parseJson}, for a parsed value. */
export const parseValue = <S extends z.ZodType>(value: unknown, schema: S, where: string): z.infer<S> =>
  parse(value, schema, where, (read) => read(value));

/**
 * Parses JSON that another release may have written. Keys that this release does not know are ignored at every depth.
 * What cannot be ignored is refused as newer: a newer major version, or a value that is none of a closed list, such as a
 * strategy. See docs/architecture.md, "Compatibility".
 *
 * The result lacks the ignored keys. A hash must therefore be taken of the stored bytes, never of the result.
 *
 * @throws FedcardioError `BAD_MESSAGE` with `where` and the path of every fault; `NEWER_SCHEMA` if only a newer release
 *   can read it
 */
export const parseDocument = <S extends z.ZodType>(bytes: Uint8Array, schema: S, where: string): z.infer<S> =>
  parseMessage(jsonOf(bytes, where), schema, where);

/** Like {@link parseDocument}, for a parsed value. */
export const parseMessage = <S extends z.ZodType>(value: unknown, schema: S, where: string): z.infer<S> =>
  parse(value, schema, where, (read) => {
    let known = value;
    for (;;) {
      const parsed = read(known);
      const unknown = parsed.success ? [] : parsed.error.issues.filter(isUnknownKey);
      if (unknown.length === 0) {
        if (!parsed.success && parsed.error.issues.every((issue) => isUnknownValue(issue, known))) {
          const values = parsed.error.issues.map(({ path }) => `${pathOf(path)}${quoted(valueAt(known, path))}`);
          throw newer(`${where} has values that this release does not know: ${values.join('; ')}`, parsed.error);
        }
        return parsed;
      }
      if (known === value) known = structuredClone(value);
      for (const { path, keys } of unknown) {
        const holder = valueAt(known, path) as Record<string, unknown>;
        for (const key of keys) delete holder[key];
      }
    }
  });

function jsonOf(bytes: Uint8Array, where: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new FedcardioError('BAD_MESSAGE', `${where} is not JSON: ${(cause as Error).message}.`, { cause });
  }
}

type Read<S extends z.ZodType> = (value: unknown) => z.ZodSafeParseResult<z.infer<S>>;

function parse<S extends z.ZodType>(
  value: unknown,
  schema: S,
  where: string,
  attempt: (read: Read<S>) => z.ZodSafeParseResult<z.infer<S>>,
): z.infer<S> {
  const version = newerVersion(value, schema);
  if (version) {
    const { written, read } = version;
    throw newer(`${where} was written by a newer release (${written}; this release reads up to ${read})`);
  }
  const parsed = orRefused(where, () => attempt((value) => schema.safeParse(value)));
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${pathOf(path)}${message}`);
  throw new FedcardioError('BAD_MESSAGE', `${where}: ${faults.join('; ')}.`, { cause: parsed.error });
}

const newer = (message: string, cause?: unknown): FedcardioError =>
  new FedcardioError('NEWER_SCHEMA', `${message}.`, { cause, hint: 'Upgrade this deployment of fedcardio.' });

/** A value on which a schema fails, for example for lack of stack, is refused. */
function orRefused<T>(where: string, attempt: () => T): T {
  try {
    return attempt();
  } catch (cause) {
    if (isFedcardioError(cause)) throw cause;
    throw new FedcardioError('BAD_MESSAGE', `${where} cannot be parsed: ${(cause as Error).message}.`, { cause });
  }
}

const isUnknownKey = (issue: z.core.$ZodIssue) => issue.code === 'unrecognized_keys';

/** Whether the fault is a text that is none of a closed list. The document's own `schema` names another kind of document. */
function isUnknownValue({ code, path }: z.core.$ZodIssue, value: unknown): boolean {
  const isChoice = code === 'invalid_value' || code === 'invalid_union';
  return isChoice && !(path.length === 1 && path[0] === 'schema') && typeof valueAt(value, path) === 'string';
}

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce(
    (inner, part) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, part)
        ? (inner as Readonly<Record<PropertyKey, unknown>>)[part]
        : undefined,
    value,
  );

const LONGEST_QUOTE = 60;
const quoted = (value: unknown): string => JSON.stringify(String(value).slice(0, LONGEST_QUOTE));

/** A path as a prefix of a message: `stages[0].rounds: `; empty for the root. */
function pathOf(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return text && `${text.replace(/^\./, '')}: `;
}
