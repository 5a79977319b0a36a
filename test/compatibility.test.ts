import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import * as schemas from '../lib/federation/schemas.ts';
import { parseDocument, parseJson, sha256Hex, versionsOf } from '../lib/json.ts';
import { at, placesIn } from './helpers/schema-places.ts';

/**
 * Documents that releases have written, in test/fixtures/documents/<name>/<major>/. Released documents never change: add
 * a file, never edit one. `scripts/fixtures/documents.ts` adds what the current release writes.
 */
const FOLDER = new URL('fixtures/documents/', import.meta.url);

/** Every schema of a stored document or a sent message, by its version. The message of a merge names none. */
const SCHEMAS = new Map<string, z.ZodType>([
  ...Object.values(schemas)
    .filter((value) => value instanceof z.ZodType)
    .flatMap((schema) => versionsOf(schema).map((version) => [version.replace('fedcardio.', ''), schema] as const)),
  ['merge/1', schemas.mergeJobSchema],
]);

const versions = readdirSync(FOLDER).flatMap((name) =>
  readdirSync(new URL(`${name}/`, FOLDER)).map((major) => `${name}/${major}`),
);
const FIXTURES = versions.flatMap((version) =>
  readdirSync(new URL(`${version}/`, FOLDER)).map((file) => ({
    version,
    file: `${version}/${file}`,
    bytes: readFileSync(new URL(`${version}/${file}`, FOLDER)),
  })),
);
/** Files that people write, with defaults for what they leave out. */
const WRITTEN_BY_PEOPLE = new Set(['campaign/1', 'federation/1', 'policy/1']);

const encode = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

const schemaOf = (version: string): z.ZodType => {
  const schema = SCHEMAS.get(version);
  if (!schema) throw new Error(`No schema reads ${version}. A released major version stays readable.`);
  return schema;
};

/** Names that no schema has, among them those of every object's prototype. */
const unknownKey = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty'),
  fc.string().map((text) => `x-${text}`),
);

describe('documents that releases have written', () => {
  test('exist for every major version of every schema', () => {
    expect([...SCHEMAS.keys()].filter((version) => !versions.includes(version))).toEqual([]);
  });

  test.each(FIXTURES)('$file has not been edited: add a file instead', ({ file, bytes }) => {
    expect(file).toContain(`/${sha256Hex(bytes).slice(0, 8)}.json`);
  });

  test.each(FIXTURES)('$file is still read', ({ version, file, bytes }) => {
    expect(() => parseDocument(bytes, schemaOf(version), file)).not.toThrow();
  });

  // A default that is filled in while reading would change the terms of running campaigns, and what `verify` recomputes.
  test.each(FIXTURES.filter(({ version }) => !WRITTEN_BY_PEOPLE.has(version)))(
    '$file still means what it meant: reading it adds nothing',
    ({ version, file, bytes }) => {
      expect(parseDocument(bytes, schemaOf(version), file)).toEqual(JSON.parse(bytes.toString()));
    },
  );
});

describe('a document of a newer release', () => {
  test.each(FIXTURES)('$file with unknown keys at every depth has the same value', ({ version, file, bytes }) => {
    const schema = schemaOf(version);
    const expected = parseDocument(bytes, schema, file);
    const { objects } = placesIn(schema, JSON.parse(bytes.toString()));

    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...objects), unknownKey, fc.jsonValue()), { minLength: 1, maxLength: 8 }),
        (unknown) => {
          const value = JSON.parse(bytes.toString());
          for (const [path, key, inner] of unknown) {
            const own = { value: inner, enumerable: true, configurable: true, writable: true };
            Object.defineProperty(at(value, path), key, own);
          }

          expect(parseDocument(encode(value), schema, file)).toEqual(expected);
        },
      ),
      { numRuns: 30 },
    );
  });

  test.each(FIXTURES)('$file with an unknown key is not written by this release', ({ version, file, bytes }) => {
    const value = { ...JSON.parse(bytes.toString()), unknown: 1 };

    expect(() => parseJson(encode(value), schemaOf(version), file)).toThrow(/Unrecognized key: "unknown"/);
  });

  test.each(FIXTURES.filter(({ version }) => version !== 'merge/1'))(
    '$file of a newer major version is refused with what to do',
    ({ version, file, bytes }) => {
      const [name] = version.split('/');
      const newest = Math.max(...versionsOf(schemaOf(version)).map((one) => Number(one.split('/')[1])));
      const value = { ...JSON.parse(bytes.toString()), schema: `fedcardio.${name}/${newest + 1}` };
      const expected = {
        code: 'NEWER_SCHEMA',
        message: `${file} was written by a newer release (${value.schema}; this release reads up to fedcardio.${name}/${newest}).`,
        hint: 'Upgrade this deployment of fedcardio.',
      };

      for (const parse of [parseDocument, parseJson]) {
        const read = () => parse(encode(value), schemaOf(version), file);
        expect(read).toThrow(expect.objectContaining(expected));
        value.another = 'form';
      }
    },
  );

  test.each(FIXTURES)('$file with an unknown choice is refused as newer', ({ version, file, bytes }) => {
    const schema = schemaOf(version);
    for (const path of placesIn(schema, JSON.parse(bytes.toString())).choices) {
      const value = JSON.parse(bytes.toString());
      const holder = at(value, path.slice(0, -1)) as Record<string | number, unknown>;
      holder[path.at(-1)!] = 'of-tomorrow';

      const read = () => parseDocument(encode(value), schema, file);
      expect(read, path.join('.')).toThrow(expect.objectContaining({ code: 'NEWER_SCHEMA' }));
      expect(read, path.join('.')).toThrow(/"of-tomorrow"/);
    }
  });
});

describe('a document that is simply wrong', () => {
  const outcome = { schema: 'fedcardio.outcome/1', campaign: 'c', status: 'failed', at: '2026-03-02T08:00:00Z' };
  test.each<[string, object]>([
    ['another kind of document', { ...outcome, schema: 'fedcardio.commit/1' }],
    ['a newer major of another kind', { ...outcome, schema: 'fedcardio.commit/2' }],
    ['major version 0', { ...outcome, schema: 'fedcardio.outcome/0' }],
    ['a version that is no number', { ...outcome, schema: 'fedcardio.outcome/2x' }],
    ['a missing key beside an unknown choice', { ...outcome, status: 'paused', at: undefined }],
    ['a choice of another type', { ...outcome, status: 1 }],
    ['no schema', { ...outcome, schema: undefined }],
  ])('%s is not taken for a newer one', (_, value) => {
    const read = () => parseDocument(encode(value), schemas.outcomeSchema, 'outcome.json');

    expect(read).toThrow(expect.objectContaining({ code: 'BAD_MESSAGE' }));
  });
});
