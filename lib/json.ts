import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { FedcardioError } from './error.ts';

/**
 * A value as JSON with the keys of every object in one fixed order and no white space: the same value always has the
 * same bytes, and so the same SHA-256. Properties that are undefined are left out.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** SHA-256 in lower-case hexadecimal digits, of bytes or of text in UTF-8. */
export const sha256Hex = (data: Uint8Array | string): string => createHash('sha256').update(data).digest('hex');

/**
 * Parses stored or received JSON. Throws `BAD_MESSAGE` naming the place and the path of every fault.
 *
 * @param where the object or message, for the error: "campaigns/tavi/campaign.json"
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

/** Like {@link parseJson}, for a value that is parsed already. */
export function parseValue<S extends z.ZodType>(value: unknown, schema: S, where: string): z.infer<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${pathOf(path)}${message}`);
  throw new FedcardioError('BAD_MESSAGE', `${where}: ${faults.join('; ')}.`, { cause: parsed.error });
}

/** `stages[0].rounds: ` */
function pathOf(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return text && `${text.replace(/^\./, '')}: `;
}
