import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { z } from 'zod';
import { isFedcardioError } from '../../../lib/error.ts';
import * as schemas from '../../../lib/federation/schemas.ts';
import { canonicalJson, parseJson } from '../../../lib/json.ts';
import type { Target } from '../engine.ts';
import { mutatedJson } from '../json-mutations.ts';
import { CONSEQUENCES } from './document-consequences.ts';

/**
 * Stored documents and messages: the name of a schema, a line break, and the text. A document is parsed to a value that
 * is stored and read back as it is, or refused as `BAD_MESSAGE` or `NEWER_SCHEMA`. Then it takes its place in a federation, where it may
 * harm nobody but its author.
 */
export const documents = (): Target => ({
  inputs: fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(...Object.keys(SCHEMAS)).chain((name) => inputOf(name, seedsOf(name))) },
    {
      weight: 3,
      arbitrary: fc
        .constantFrom(...Object.entries(CONSEQUENCES))
        .chain(([name, { seeds }]) => inputOf(name, [...seeds, ...seedsOf(name)])),
    },
  ),
  check: async (input) => {
    const end = input.indexOf(0x0a);
    const name = Buffer.from(input.subarray(0, end)).toString();
    const body = input.subarray(end + 1);
    if (Object.hasOwn(SCHEMAS, name)) checkSchema(SCHEMAS[name] as z.ZodType, body);
    if (Object.hasOwn(CONSEQUENCES, name)) await CONSEQUENCES[name]?.check(body);
    if (Object.keys(Object.prototype).length > 0) throw new Error('the prototype of all objects was changed');
  },
});

/** Every exported schema, by name. */
const SCHEMAS: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  Object.entries(schemas as Readonly<Record<string, unknown>>).flatMap(([name, value]) =>
    name.endsWith('Schema') ? [[name.slice(0, -'Schema'.length), value as z.ZodType]] : [],
  ),
);

const FOLDER = new URL('../../../docs/events/', import.meta.url);
const EXAMPLES: readonly unknown[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json'))
  .map((file) => JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')));

/** The documented examples of a schema, or their parts: a training is part of a campaign's stage. */
function seedsOf(name: string): readonly unknown[] {
  const fits = (value: unknown) => SCHEMAS[name]?.safeParse(value).success === true;
  const found = EXAMPLES.filter(fits);
  const parts = found.length > 0 ? found : EXAMPLES.flatMap(partsOf).filter(fits);
  return parts.length > 0 ? parts.slice(0, 8) : [{}];
}

function partsOf(value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value, ...Object.values(value).flatMap(partsOf)];
}

const inputOf = (name: string, seeds: readonly unknown[]): fc.Arbitrary<Uint8Array> =>
  mutatedJson(seeds).map((text) => Buffer.from(`${name}\n${text}`));

function checkSchema(schema: z.ZodType, body: Uint8Array): void {
  let value: unknown;
  try {
    value = parseJson(body, schema, 'the document');
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_MESSAGE') && !isFedcardioError(error, 'NEWER_SCHEMA')) throw error;
    return;
  }
  const stored = canonicalJson(value);
  if (canonicalJson(parseJson(Buffer.from(stored), schema, 'the stored document')) !== stored) {
    throw new Error('an accepted document reads differently once it is stored');
  }
}
