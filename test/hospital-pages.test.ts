import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { policyCommand } from '../cli/site/policy.ts';
import { limitsSchema } from '../lib/federation/schemas.ts';
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

describe('what leaves without a choice of the hospital', () => {
  const limits = limitsSchema.parse({});
  /** Cells of the row of a table that begins so. */
  const cellsOf = (folder: string, page: string, first: string): readonly string[] =>
    read(folder, page)
      .split('\n')
      .find((line) => line.startsWith(`| ${first}`))
      ?.split(' | ')
      .map((cell) => cell.replace(/^\| | \|$/g, '')) ?? [];
  const scoresQuestion: Readonly<Record<string, string>> = {
    [EN]: 'Are scores of single patients sent?',
    [DE]: 'Werden Bewertungen einzelner Fälle gesendet?',
  };
  const startQuestion: Readonly<Record<string, string>> = { [EN]: 'Who starts a campaign?', [DE]: 'Wer startet' };

  test.each([EN, DE])('is what the options and %s/consent.md say', (folder) => {
    const options = policyCommand().options;
    const defaultOf = (long: string) => options.find((option) => option.long === long)?.defaultValue;

    expect(defaultOf('--scores')).toBe(limits.scores);
    expect(defaultOf('--minimum-cases')).toBe(limits.minimumCases);
    expect(cellsOf(folder, 'consent.md', '`--scores`')[2]).toBe(`\`${limits.scores}\``);
    expect(cellsOf(folder, 'consent.md', '`--minimum-cases`')[2]).toBe(`${limits.minimumCases}`);
  });

  test.each([EN, DE])('is what %s/what-left.md says of scores of single patients', (folder) => {
    const [, answer = ''] = cellsOf(folder, 'what-left.md', scoresQuestion[folder] as string);

    expect(answer).toMatch(limits.scores === 'cases' ? /^(?:yes|ja)\b/ : /^(?:no|nein)\b/);
    expect(answer).toMatch(new RegExp(`(?:default is|Vorgabe ist) \`${limits.scores}\``));
    expect(answer).toMatch(new RegExp(`\\b${limits.minimumCases} (?:cases|Fällen)`));
    expect(answer).toContain('(consent.md#');
  });

  test.each([EN, DE])('needs an agreement, which %s/what-left.md links', (folder) => {
    expect(cellsOf(folder, 'what-left.md', startQuestion[folder] as string)[1]).toContain('(consent.md)');
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
