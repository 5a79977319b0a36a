import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeHtml, html } from './markup.ts';

describe('html', () => {
  test('escapes text and attributes', () => {
    const evil = `"><script>alert('x')</script>&`;
    expect(html`<a title="${evil}">${evil}</a>`.markup).toBe(
      '<a title="&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;">&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;</a>',
    );
  });

  test('nests markup and arrays without escaping twice, and writes nothing for missing values', () => {
    const rows = ['a<b', 'c'].map((text) => html`<li>${text}</li>`);
    expect(html`<ul>${rows}${undefined}${false}${null}</ul>`.markup).toBe('<ul><li>a&lt;b</li><li>c</li></ul>');
  });

  test('rounds numbers to a hundredth', () => {
    expect(html`${1 / 3} ${2} ${0}`.markup).toBe('0.33 2 0');
  });

  test('escapes every character that could open a tag or close an attribute', () => {
    fc.assert(fc.property(fc.string(), (text) => !/[<>"']/.test(escapeHtml(text))));
  });
});
