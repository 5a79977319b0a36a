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
 * Parses JSON. Throws `BAD_MESSAGE` with `where` and the path of every fault.
 *
 * @param where name of the object or message, for the error: "campaigns/tavi/campaign.json"
 */
export function parseJson<S extends z.ZodType>(bytes: Uint8Array, schema: S, where: string): z.infer<S> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new FedcardioError('BAD_MESSAGE', `${where} is not JSON: ${(cause as Error).message}.`, { cause });
  }
  return parseValue(value, schema, where);
}

/** Like {@link parseJson}, for a parsed value. */
export function parseValue<S extends z.ZodType>(value: unknown, schema: S, where: string): z.infer<S> {
  const parsed = safeParse(value, schema, where);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${pathOf(path)}${message}`);
  throw new FedcardioError('BAD_MESSAGE', `${where}: ${faults.join('; ')}.`, { cause: parsed.error });
}

/** A schema that fails on a value, for example for lack of stack, refuses it. */
function safeParse<S extends z.ZodType>(value: unknown, schema: S, where: string): z.ZodSafeParseResult<z.infer<S>> {
  try {
    return schema.safeParse(value);
  } catch (cause) {
    throw new FedcardioError('BAD_MESSAGE', `${where} cannot be parsed: ${(cause as Error).message}.`, { cause });
  }
}

/** A path as a prefix of a message: `stages[0].rounds: `; empty for the root. */
function pathOf(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return text && `${text.replace(/^\./, '')}: `;
}
