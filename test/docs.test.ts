import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

/** Folders with pages of other authors, or with what commands made. */
const NOT_OURS = new Set(['node_modules', '.git', 'dist', 'coverage', '.fedcardio', 'demo-output', 'cdk.out']);
/** First folder of a path in backticks that must exist. */
const ROOMS = /^(?:lib|handlers|gpu-tasks|cdk|local|localstack|cli|bench|test|scripts|docs|examples)\//;
/** Pages that name paths of earlier versions. */
const HISTORY = new Set(['CHANGELOG.md']);

function pagesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (NOT_OURS.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return pagesBelow(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

const PAGES = pagesBelow('.').sort();
const read = (page: string): string => readFileSync(page, 'utf8');
const withoutFences = (text: string): string => text.replace(/^ *```[\s\S]*?^ *```/gm, '');
const withoutCode = (text: string): string => withoutFences(text).replace(/`[^`\n]*`/g, '');

/** Ids that GitHub gives to headings: lower case, without punctuation, hyphens for spaces, numbered when repeated. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutFences(text).matchAll(/^#{1,6} +(.+)$/gm)) {
    const words = heading
      .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
      .trim()
      .toLowerCase();
    const id = words.replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-');
    let unique = id;
    for (let n = 1; anchors.has(unique); n += 1) unique = `${id}-${n}`;
    anchors.add(unique);
  }
  return anchors;
}

/** Targets of a page's relative links, pictures included. */
const linksOf = (page: string): string[] =>
  [...withoutCode(read(page)).matchAll(/\]\(<?([^()\s>]+)>?(?: "[^"]*")?\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));

/** The fault of a link, or undefined. */
function linkFault(page: string, target: string): string | undefined {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : join(dirname(page), decodeURIComponent(path));
  if (!existsSync(file)) return `${target}: there is no ${file}`;
  if (anchor === undefined) return undefined;
  const anchors = file.endsWith('.md') && statSync(file).isFile() ? anchorsOf(read(file)) : new Set<string>();
  return anchors.has(anchor) ? undefined : `${target}: ${file} has no such heading`;
}

describe('the link checker', () => {
  test.each([
    ['docs/intake.md', 'none.md', 'there is no docs/none.md'],
    ['docs/intake.md', '#none', 'docs/intake.md has no such heading'],
    ['README.md', 'docs/architecture.md#none', 'docs/architecture.md has no such heading'],
    ['README.md', 'package.json#name', 'package.json has no such heading'],
  ])('finds in %s that %s is broken', (page, target, fault) => {
    expect(linkFault(page, target)).toContain(fault);
  });

  test('knows the ids of headings', () => {
    const text = '# `a` b, c!\n## [Über](x.md) 1\n```\n# code\n```\n## Same\n## Same\n';

    expect([...anchorsOf(text)]).toEqual(['a-b-c', 'über-1', 'same', 'same-1']);
  });
});

describe.each(PAGES)('%s', (page) => {
  test('has links and anchors that exist', () => {
    expect(linksOf(page).flatMap((target) => linkFault(page, target) ?? [])).toEqual([]);
  });

  test.skipIf(HISTORY.has(page))('names paths that exist', () => {
    const paths = [...withoutFences(read(page)).matchAll(/`([\w./-]+)`/g)].map(([, path = '']) => path);

    expect(paths.filter((path) => ROOMS.test(path) && !existsSync(path))).toEqual([]);
  });

  test.skipIf(page.startsWith('.github'))('names its audience at the top', () => {
    const [title = '', blank, audience = ''] = read(page).split('\n');

    expect(title).toMatch(/^# \S/);
    expect(blank).toBe('');
    expect(audience).toMatch(page.includes('/de/') ? /^Für: \S/ : /^For: \S/);
  });
});

describe('docs/architecture.md', () => {
  test('has each room on the floor that the import rules give it', () => {
    const [, literal = ''] =
      /const FLOORS = (\[[\s\S]*?\n\]);/.exec(readFileSync('.dependency-cruiser.cjs', 'utf8')) ?? [];
    const floors = JSON.parse(literal.replaceAll("'", '"').replace(/,(\s*\])/g, '$1')) as string[][];
    let floor = '';
    const written = new Map<string, string>();
    for (const [, number = '', rooms = ''] of read('docs/architecture.md').matchAll(
      /^\| (\d*) ?\| (`.+?) \| .+ \|$/gm,
    )) {
      floor = number || floor;
      for (const [, room = ''] of rooms.matchAll(/`([^`]+)`/g)) written.set(room.replace(/\.(?:ts|json)$/, ''), floor);
    }

    const expected = floors.flatMap((rooms, index) => rooms.map((room) => [room, `${index + 1}`] as const));

    expect([...written].sort()).toEqual([...expected].sort());
  });

  test('has every folder of product code', () => {
    const foldersOf = (folder: string) =>
      readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
    const hasCode = (folder: string) => readdirSync(folder).some((file) => file.endsWith('.ts'));
    const rooms = [
      ...foldersOf('lib').map((folder) => `lib/${folder}`),
      ...foldersOf('.').filter((folder) => !['lib', 'test', 'scripts'].includes(folder) && hasCode(folder)),
    ];

    const page = read('docs/architecture.md');

    expect(rooms.filter((room) => !page.includes(`\`${room}\``))).toEqual([]);
  });
});

describe('docs/failures.md', () => {
  const tests = [...read('docs/failures.md').matchAll(/`([^`]+\.test\.ts)`: (\*[^*]+\*(?:, \*[^*]+\*)*)/g)].flatMap(
    ([, file = '', titles = '']) =>
      [...titles.matchAll(/\*([^*]+)\*/g)].map(([, title = '']) => [title, file] as const),
  );

  test.each(tests)('quotes the test "%s" of %s', (title, file) => {
    expect(read(file)).toContain(title.replace(/…$/, ''));
  });
});

describe('docs/decisions', () => {
  const files = readdirSync('docs/decisions')
    .filter((file) => file !== 'README.md')
    .sort();
  const rows = [...read('docs/decisions/README.md').matchAll(/^\| (\d{3}) \| \[(.+)\]\((.+)\) \| (.+) \| (.+) \|$/gm)];

  test('are numbered from 001 without holes', () => {
    expect(files.map((file) => file.slice(0, 4))).toEqual(files.map((_, i) => `${String(i + 1).padStart(3, '0')}-`));
  });

  test('are all in the index, with number, title and status', () => {
    expect(rows.map(([, number, title, file]) => [file, `# ${number} · ${title}`])).toEqual(
      files.map((file) => [file, read(`docs/decisions/${file}`).split('\n')[0]]),
    );
    expect(rows.filter(([, , , , , status]) => status !== 'accepted')).toEqual([]);
  });

  test.each(files)('%s has context, decision and consequences', (file) => {
    const parts = [...read(`docs/decisions/${file}`).matchAll(/^\*\*(\w+)\.\*\*/gm)].map(([, part]) => part);

    expect(parts).toEqual(['Context', 'Decision', 'Consequences']);
  });
});
