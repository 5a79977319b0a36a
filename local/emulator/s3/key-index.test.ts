import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareKeys, createKeyIndex } from './key-index.ts';
import { pageOf } from './list.ts';
import type { StoredObject } from './state.ts';

const bytesOrder = (a: string, b: string) => Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));
const object = (key: string): StoredObject => ({
  key,
  bytes: 0,
  etag: '',
  lastModified: '',
  sequencer: '',
  headers: {},
  segments: [],
});
/** Few characters, so that prefixes and delimiters are frequent. One is above U+FFFF. */
const key = fc.string({ unit: fc.constantFrom('a', 'b', '/', '\uffee', '\u{1f600}'), minLength: 1, maxLength: 6 });

describe('key index', () => {
  test('compares keys by their UTF-8 bytes', () => {
    const any = fc.string({ unit: 'grapheme', maxLength: 8 });
    const check = (a: string, b: string) => Math.sign(compareKeys(a, b)) === bytesOrder(a, b);
    fc.assert(fc.property(any, any, check));
    fc.assert(fc.property(key, key, check));
  });

  test('stays sorted through additions and removals', () => {
    const change = fc.record({ key, add: fc.boolean(), look: fc.boolean() });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const index = createKeyIndex<string>();
        const model = new Set<string>();
        for (const { key, add, look } of changes) {
          if (add) index.set(key, key);
          else index.delete(key);
          if (add) model.add(key);
          else model.delete(key);
          // Keys are sorted at the first iteration, so changes before and after it take different paths.
          if (look) index.seek(() => true);
        }
        const walked = Array.from({ length: index.size }, (_, i) => index.keyAt(i));
        expect(walked).toEqual([...model].sort(bytesOrder));
      }),
    );
  });
});

describe('pages of a list', () => {
  test('hold each key of the prefix once and in order, alone or in its group', () => {
    const text = (...choices: string[]) => fc.constantFrom(...choices);
    const inputs = [
      fc.array(key, { maxLength: 30 }),
      text('', 'a', 'a/', '\uffee'),
      text('', '/', 'b'),
      fc.integer({ min: 1, max: 5 }),
    ] as const;
    fc.assert(
      fc.property(...inputs, (keys, prefix, delimiter, maxKeys) => {
        const index = createKeyIndex<StoredObject>();
        for (const each of keys) index.set(each, object(each));

        const listed: string[] = [];
        const groups: string[] = [];
        let after = '';
        for (let pages = 0; pages <= keys.length; pages++) {
          const page = pageOf(index, { prefix, delimiter, maxKeys }, after);
          expect(page.objects.length + page.prefixes.length).toBeLessThanOrEqual(maxKeys);
          listed.push(...page.objects.map((each) => each.key));
          groups.push(...page.prefixes);
          if (page.next === undefined) break;
          after = page.next;
        }

        const below = [...new Set(keys)].filter((each) => each.startsWith(prefix)).sort(bytesOrder);
        const cut = (each: string) => (delimiter ? each.indexOf(delimiter, prefix.length) : -1);
        expect(listed).toEqual(below.filter((each) => cut(each) < 0));
        const grouped = below
          .filter((each) => cut(each) >= 0)
          .map((each) => each.slice(0, cut(each) + delimiter.length));
        expect(groups).toEqual([...new Set(grouped)]);
      }),
    );
  });
});
