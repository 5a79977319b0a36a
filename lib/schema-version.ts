import type { z } from 'zod';

/**
 * Versions of the schemas. A document names its own: `"schema": "fedcardio.plan/1"`, with the name and the major version.
 */

const VERSION = /^(fedcardio\.[a-z0-9-]+)\/([1-9]\d{0,5})$/;

/** The version that a value names, if a newer release than this one has written it: this one reads up to `read`. */
export function newerVersion(
  value: unknown,
  schema: z.ZodType,
): { readonly written: string; readonly read: string } | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'schema')) return undefined;
  const written = (value as { readonly schema: unknown }).schema;
  const [, name, major] = (typeof written === 'string' && VERSION.exec(written)) || [];
  const known = versionsOf(schema).filter((version) => VERSION.exec(version)?.[1] === name);
  const last = known.sort((a, b) => majorOf(a) - majorOf(b)).at(-1);
  return last !== undefined && Number(major) > majorOf(last) ? { written: `${name}/${major}`, read: last } : undefined;
}

const majorOf = (version: string): number => Number(VERSION.exec(version)?.[2]);

/** The values that a schema, or any option of a union, accepts as `schema`. */
export function versionsOf(schema: z.core.$ZodType): readonly string[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'union') return def.options.flatMap(versionsOf);
  if (def.type === 'literal') return def.values.filter((value) => typeof value === 'string');
  return def.type === 'object' && Object.hasOwn(def.shape, 'schema') ? versionsOf(def.shape.schema as never) : [];
}
