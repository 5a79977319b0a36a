import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PICTURE_FILES } from '../scripts/pictures/pictures.ts';

const EN = 'docs/hospital';
const DE = 'docs/hospital/de';

const pagesOf = (folder: string): readonly string[] => readdirSync(folder).filter((file) => file.endsWith('.md'));
const read = (folder: string, page: string): string => readFileSync(join(folder, page), 'utf8');
const matches = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map(([, found = '']) => found);

/** Code in boxes, whole: commands, and what they print. */
const boxesOf = (text: string): readonly string[] => matches(text, /^ *```\w*\n([\s\S]*?)^ *```/gm);
const withoutBoxes = (text: string): string => text.replace(/^ *```[\s\S]*?^ *```/gm, '');
/** The skeleton of a page: levels of headings, steps, rows of tables, items, pictures and boxes, in their order. */
const skeletonOf = (text: string): readonly string[] =>
  text
    .replace(/^ *```\w*\n[\s\S]*?^ *```/gm, 'BOX')
    .split('\n')
    .flatMap((line) => {
      const [kind] = /^(#+ |\d+\. |- (?:\[ \] )?|\| ?|!\[|BOX)/.exec(line.trimStart()) ?? [];
      return kind === undefined ? [] : [kind.trim()];
    });
/** Files that a page links, pictures included: German pages and pictures count as their English counterparts. */
const linksOf = (folder: string, text: string): readonly string[] =>
  matches(withoutBoxes(text), /\]\(([^)\s#]+)[^)]*\)/g)
    .filter((target) => !/^https?:/.test(target))
    .map((target) => normalize(join(folder, target)).replace(`${DE}/`, `${EN}/`));
/** Code within sentences that is a message, a command, an option or a path: the same in each language. */
const quotesOf = (text: string): readonly string[] =>
  matches(withoutBoxes(text).replaceAll('\n', ' '), /`([^`]+)`/g).filter(
    (quote) => !/<|my folder|mein Ordner/.test(quote),
  );

test('the hospital pages exist in both languages', () => {
  expect(pagesOf(DE)).toEqual(pagesOf(EN));
});

describe.each(pagesOf(EN))('docs/hospital/%s', (page) => {
  const [english, german] = [read(EN, page), existsSync(join(DE, page)) ? read(DE, page) : ''];

  test('links its counterpart below the audience', () => {
    expect(english.split('\n')[4]).toBe(`[Deutsch](de/${page})`);
    expect(german.split('\n')[4]).toBe(`[English](../${page})`);
  });

  test('has the same headings, steps, tables and lists in both languages', () => {
    expect(skeletonOf(german)).toEqual(skeletonOf(english));
  });

  test('has the same commands and outputs in both languages', () => {
    expect(boxesOf(german)).toEqual(boxesOf(english));
    expect([...quotesOf(german)].sort()).toEqual([...quotesOf(english)].sort());
  });

  test('links the same pages and pictures in both languages', () => {
    const counterpart = (target: string) => target === `${EN}/${page}`;
    const others = (folder: string, text: string) =>
      linksOf(folder, text)
        .filter((target) => !counterpart(target))
        .sort();

    expect(others(DE, german)).toEqual(others(EN, english));
  });
});

describe('the pictures of the hospital pages', () => {
  const files = Object.entries(PICTURE_FILES);

  test.each(files)('%s is up to date: `npm run docs` draws it', (file, draw) => {
    expect(readFileSync(file, 'utf8') === draw()).toBe(true);
  });

  test('are small', () => {
    const bytes = files.map(([file]) => readFileSync(file).length);

    expect(Math.max(...bytes)).toBeLessThan(150_000);
    expect(bytes.reduce((sum, size) => sum + size)).toBeLessThan(1_000_000);
  });

  test('are all shown, each in its language', () => {
    const shown = [EN, DE].flatMap((folder) =>
      pagesOf(folder).flatMap((page) =>
        matches(read(folder, page), /!\[[^\]]+\]\(([^)]+)\)/g).map((target) => join(folder, target)),
      ),
    );

    expect([...new Set(shown)].sort()).toEqual(files.map(([file]) => file).sort());
  });
});
