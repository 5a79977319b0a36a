import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { childrenOf, element, parseXml, textOf, xmlDocument } from './xml.ts';

describe('xml', () => {
  test('parses its own output', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: 'grapheme' }), (a, b) => {
        const root = parseXml(xmlDocument('Root', element('A', a), element('B', element('C', b))));
        expect(root.name).toBe('Root');
        expect(textOf(root, 'A')).toBe(a);
        expect(textOf(root.children[1]!, 'C')).toBe(b);
      }),
    );
  });

  test('parses declarations, comments, attributes, prefixes, references and CDATA', () => {
    const root = parseXml(`<?xml version="1.0"?>
      <!-- a > b -->
      <s3:Delete xmlns:s3="http://s3.amazonaws.com/doc/2006-03-01/">
        <s3:Object quirk='>'><Key>a &lt;&#38;&#x1F600; b</Key></s3:Object>
        <Object><Key><![CDATA[<raw>]]></Key><Empty/></Object>
      </s3:Delete>`);

    expect(childrenOf(root, 'Object').map((object) => textOf(object, 'Key'))).toEqual(['a <&\u{1f600} b', '<raw>']);
    expect(root.children[1]?.children[1]).toEqual({ name: 'Empty', text: '', children: [] });
  });

  test.each([
    ['nothing', ''],
    ['only text', 'hello'],
    ['an unclosed element', '<a><b></b>'],
    ['overlapping elements', '<a><b></a></b>'],
    ['two roots', '<a/><b/>'],
    ['an end tag without a start tag', '</a>'],
    ['an unknown entity', '<a>&bomb;</a>'],
    ['a name of every object as an entity', '<a>&constructor;</a>'],
    ['an ampersand', '<a>a & b</a>'],
    ['an unfinished reference', '<a>&amp</a>'],
    ['a character beyond Unicode', '<a>&#x110000;</a>'],
    ['an unfinished tag', '<a'],
    ['an unfinished value of an attribute', '<a b=">'],
    ['an unfinished comment', '<a/><!-- '],
    ['an unfinished CDATA section', '<a><![CDATA[x</a>'],
    ['an element without a name', '<a>< /></a>'],
    ['deep nesting', `${'<a>'.repeat(20)}${'</a>'.repeat(20)}`],
    ['a DOCTYPE', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
  ])('refuses %s', (_what, source) => {
    expect(() => parseXml(source)).toThrow(expect.objectContaining({ code: 'MalformedXML' }));
  });
});

/** 4 MiB, the most that the server reads, of what costs a parser the most. */
const COSTLY: Readonly<Record<string, readonly [before: string, repeated: string, after: string]>> = {
  ampersands: ['<a>', '&', '</a>'],
  references: ['<a>', '&amp;', '</a>'],
  'numeric references': ['<a>', '&#38;', '</a>'],
  'references and letters': ['<a>', '&amp;a', '</a>'],
  'empty elements': ['<a>', '<b/>', '</a>'],
  'open elements': ['', '<a>', ''],
  elements: ['<a>', '<b></b>', '</a>'],
  'one name without an end': ['<', 'a', ''],
  'attributes without an end': ['<a', ' b="c"', ''],
  quotes: ['<a b=', '"', ''],
  comments: ['<a>', '<!---->', '</a>'],
  'beginnings of comments': ['<a>', '<!--', '</a>'],
  instructions: ['', '<?', ''],
  CDATA: ['<a>', '<![CDATA[]]>', '</a>'],
  'spaces in an end tag': ['<a></a', ' ', ''],
};

test('parses or refuses 4 MiB of anything in little memory and time', async () => {
  const script = `
    const { parseXml } = await import(${JSON.stringify(new URL('xml.ts', import.meta.url).href)});
    for (const [what, [before, repeated, after]] of Object.entries(${JSON.stringify(COSTLY)})) {
      const source = before + repeated.repeat(4 * 1024 ** 2 / repeated.length) + after;
      try { parseXml(source); } catch (error) { if (error.code !== 'MalformedXML') throw error; }
      console.log(what);
    }`;
  // The process ends early if it exceeds the bound of its heap or its time.
  const args = ['--max-old-space-size=96', '--import', 'tsx', '--input-type=module', '--eval', script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 45_000 });
  expect(stdout.trim().split('\n')).toEqual(Object.keys(COSTLY));
});
