import { describe, expect, test } from 'vitest';
import { printable, printableJson, printableLines } from './printable.ts';

describe('printable', () => {
  test.each([
    ['a colour', '\u001b[31mred\u001b[0m', '\\u{1b}[31mred\\u{1b}[0m'],
    ['a window title', '\u001b]0;owned\u0007', '\\u{1b}]0;owned\\u{7}'],
    ['a C1 sequence', '\u009b2J', '\\u{9b}2J'],
    ['a carriage return', 'failed\rmerged', 'failed merged'],
    ['line breaks', 'one\r\n\ntwo\tthree', 'one two three'],
    ['a line separator', 'one\u2028two', 'one\\u{2028}two'],
    ['a right-to-left override', 'a\u202egpj.exe', 'a\\u{202e}gpj.exe'],
    ['a backspace and a delete', 'a\b\u007f', 'a\\u{8}\\u{7f}'],
    ['a zero-width space', 'a\u200bb', 'a\\u{200b}b'],
    ['a lone surrogate', 'a\ud800b', 'a\\u{d800}b'],
  ])('shows %s', (_, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  test('keeps the text of any language', () => {
    const text = 'Größe 3 mm³, 患者, μ ± σ, 🫀 „so“';
    expect(printable(text)).toBe(text);
  });
});

test('printableLines keeps line breaks alone', () => {
  expect(printableLines('one\n\u001b[2J')).toBe('one\n\\u{1b}[2J');
});

test('printableJson stays the same value, without unprintable characters', () => {
  const value = { reason: 'a\u001b[2J\u009b2J\u202e\u2028b\u{e0001}', list: [1, 'ü'] };

  const json = printableJson(value);

  expect(JSON.parse(json)).toEqual(value);
  expect(json).not.toMatch(/[^\n\P{Cc}]|[\p{Cf}\p{Zl}]/u);
});
