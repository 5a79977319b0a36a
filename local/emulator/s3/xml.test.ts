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
    ['a DOCTYPE', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
  ])('refuses %s', (_what, source) => {
    expect(() => parseXml(source)).toThrow(expect.objectContaining({ code: 'MalformedXML' }));
  });
});
