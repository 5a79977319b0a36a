import fc from 'fast-check';

/** JSON text as a tree in which an object may have a key twice or `__proto__`, and a leaf may be any text. */
type Tree = { readonly entries: readonly (readonly [key: string, value: Tree])[] } | readonly Tree[] | string;

interface Edit {
  /** Chooses the node: its index among all nodes, modulo their number. */
  readonly node: number;
  readonly kind: 'replace' | 'remove' | 'rename' | 'add' | 'repeat' | 'swap';
  readonly key: string;
  /** JSON text, or nearly. */
  readonly leaf: string;
}

const KEYS = ['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty', 'then', 'length', '', '0', 'schema'];

const LEAVES = [
  ...['null', 'true', 'false', '0', '-0', '-1', '0.5', '1', '2', '1000001', '4294967296', '9007199254740993'],
  ...['1e308', '1e999', '-1e999', '5e-324', '{}', '[]', '[null]', '[[]]', '[{}]', '""', '"\\u0000"', '"\\ud800"'],
  ...['"constructor"', '"__proto__"', '"../../x"', '"\\u001b[2J\\r\\n"', '"9999-12-31T23:59:59.999Z"', '"0"', '"a/b"'],
  ...['NaN', 'undefined', '"', '{', ']', '1,', '"fedcardio.update/2"', '"fedcardio.update/1"'],
];

/** Short texts of letters, control characters, half surrogates and what file systems and terminals treat specially. */
export const anyText = (maxLength = 12): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.constantFrom(
      ...'aZ09 ._-/\\%+"\'<>&;$*?#:',
      ...'\0\r\n\t\x1b\x7f\u0085\u202e\ufeff',
      'é',
      'ß',
      '\ud800',
      '\udc00',
      '🫀',
    ),
    maxLength,
  });

const leaf = fc.oneof(
  { weight: 90, arbitrary: fc.constantFrom(...LEAVES) },
  { weight: 15, arbitrary: fc.double().map((value) => String(value)) },
  { weight: 15, arbitrary: anyText().map((text) => JSON.stringify(text)) },
  { weight: 1, arbitrary: fc.constantFrom(200, 5000).map((depth) => '['.repeat(depth) + ']'.repeat(depth)) },
  { weight: 1, arbitrary: fc.constantFrom(200, 5000).map((depth) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`) },
  { weight: 1, arbitrary: fc.constantFrom(300, 70_000).map((length) => `"${'a'.repeat(length)}"`) },
  { weight: 1, arbitrary: fc.constantFrom(300, 5000).map((length) => `[${'0,'.repeat(length)}0]`) },
);

const edit: fc.Arbitrary<Edit> = fc.record({
  node: fc.nat(400),
  kind: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'rename', 'add', 'repeat', 'swap'),
  key: fc.constantFrom(...KEYS),
  leaf,
});

/** JSON texts: one of these values with up to four edits. Shrinks to fewer. */
export const mutatedJson = (values: readonly unknown[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom(...values.map(treeOf)), fc.array(edit, { maxLength: 4 }))
    .map(([tree, edits]) => textOf(edits.reduce(edited, tree)));

function treeOf(value: unknown): Tree {
  if (Array.isArray(value)) return value.map(treeOf);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return { entries: Object.entries(value).map(([key, inner]) => [key, treeOf(inner)] as const) };
}

function textOf(tree: Tree): string {
  if (typeof tree === 'string') return tree;
  if (isList(tree)) return `[${tree.map(textOf).join(',')}]`;
  return `{${tree.entries.map(([key, value]) => `${JSON.stringify(key)}:${textOf(value)}`).join(',')}}`;
}

const isList = (tree: Tree): tree is readonly Tree[] => Array.isArray(tree);

const childrenOf = (tree: Tree): readonly Tree[] =>
  typeof tree === 'string' ? [] : isList(tree) ? tree : tree.entries.map(([, value]) => value);

const sizeOf = (tree: Tree): number => childrenOf(tree).reduce((sum, child) => sum + sizeOf(child), 1);

const edited = (tree: Tree, change: Edit): Tree => editedAt(tree, change.node % sizeOf(tree), change);

/** The tree with node `at`, counted in the order of the text, changed. */
function editedAt(tree: Tree, at: number, change: Edit): Tree {
  if (at === 0) return change.kind === 'add' ? withAdded(tree, change) : change.leaf;
  let start = 1;
  const children = childrenOf(tree);
  const index = children.findIndex((child) => {
    if (at < start + sizeOf(child)) return true;
    start += sizeOf(child);
    return false;
  });
  const isHere = at === start && change.kind !== 'replace' && change.kind !== 'add';
  return isHere
    ? withChild(tree, index, change)
    : replaced(tree, index, editedAt(children[index] as Tree, at - start, change));
}

function withAdded(tree: Tree, { key, leaf }: Edit): Tree {
  if (typeof tree === 'string') return leaf;
  return isList(tree) ? [...tree, leaf] : { entries: [...tree.entries, [key, leaf]] };
}

function withChild(tree: Tree, index: number, { kind, key, leaf }: Edit): Tree {
  if (typeof tree === 'string') return leaf;
  if (isList(tree)) {
    const [child, next] = [tree[index] as Tree, tree[index + 1] ?? leaf];
    if (kind === 'remove') return tree.toSpliced(index, 1);
    return kind === 'swap' ? tree.toSpliced(index, 2, next, child) : tree.toSpliced(index, 0, child);
  }
  const { entries } = tree;
  const [name, child] = entries[index] as readonly [string, Tree];
  if (kind === 'remove') return { entries: entries.toSpliced(index, 1) };
  if (kind === 'rename') return { entries: entries.toSpliced(index, 1, [key, child]) };
  if (kind === 'repeat') return { entries: [...entries, [name, leaf]] };
  const other = entries[(index + 1) % entries.length] as readonly [string, Tree];
  return { entries: entries.toSpliced(index, 1, [name, other[1]]) };
}

function replaced(tree: Tree, index: number, child: Tree): Tree {
  if (typeof tree === 'string') return child;
  if (isList(tree)) return tree.toSpliced(index, 1, child);
  return { entries: tree.entries.toSpliced(index, 1, [(tree.entries[index] as readonly [string, Tree])[0], child]) };
}
