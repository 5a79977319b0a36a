import { FedcardioError } from '../../../lib/error.ts';

const MAX_LENGTH = 256;
/** Bounds the time of a test to about this many steps for each character. */
const MAX_NODES = 1000;

/** Longer than a bucket's name with a key, in characters. Requests with longer ones are refused anyway. */
const MAX_TEXT = 2048;

/** Says whether a pattern matches somewhere in a text. */
export type Pattern = (text: string) => boolean;

/**
 * Compiles a regular expression in the syntax of JavaScript, with the flag `u` and without lookaround, back references
 * and word boundaries. A test takes time in proportion to the text, whatever the expression: all positions in it advance
 * together (Thompson 1968, "Regular expression search algorithm"). JavaScript's own matcher tries them one after another,
 * for `(a|a)*$` in exponential time, and blocks the server.
 *
 * @throws FedcardioError BAD_CONFIGURATION if the expression is invalid, unsupported or too large
 */
export function compilePattern(source: string): Pattern {
  if (source.length > MAX_LENGTH) throw refusal(`is longer than ${MAX_LENGTH} characters`);
  try {
    new RegExp(source, 'u');
  } catch {
    throw refusal('is not a regular expression');
  }
  const tree = parse(source);
  const nodes: Node[] = [];
  const add = (node: Node): number => {
    if (nodes.length === MAX_NODES) throw refusal('has too many repetitions');
    return nodes.push(node) - 1;
  };
  const start = build(tree, add({ kind: 'end' }), add, nodes);
  return (text) => text.length <= MAX_TEXT && run(nodes, start, text);
}

const refusal = (problem: string) => new FedcardioError('BAD_CONFIGURATION', problem);

type Matches = (character: string) => boolean;

type Tree =
  | { readonly kind: 'character'; readonly matches: Matches }
  | { readonly kind: 'start' }
  | { readonly kind: 'end-of-text' }
  | { readonly kind: 'sequence' | 'choice'; readonly items: readonly Tree[] }
  | { readonly kind: 'repeat'; readonly item: Tree; readonly min: number; readonly max: number };

/** One character, escape or class, as the native parser has accepted it. */
const ATOM =
  /\\u\{[0-9a-f]+\}|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u.{4}|\\x..|\\c.|\\p\{[^}]*\}|\\.|\[(?:\\.|[^\]\\])*\]|[^\\]/isuy;
const QUANTIFIER = /(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/y;
const UNSUPPORTED = /^\\[1-9bBk]/;

/** Parses an expression that the native parser has accepted. */
function parse(source: string): Tree {
  let at = 0;

  function choice(): Tree {
    const items = [sequence()];
    while (source[at] === '|') {
      at++;
      items.push(sequence());
    }
    return { kind: 'choice', items };
  }

  function sequence(): Tree {
    const items: Tree[] = [];
    while (at < source.length && source[at] !== '|' && source[at] !== ')') items.push(repeated(single()));
    return { kind: 'sequence', items };
  }

  function single(): Tree {
    if (source[at] === '(') return group();
    ATOM.lastIndex = at;
    const [atom = ''] = ATOM.exec(source) ?? [];
    if (atom === '' || UNSUPPORTED.test(atom)) throw refusal(`contains ${atom}, which is not supported`);
    at += atom.length;
    if (atom === '^') return { kind: 'start' };
    if (atom === '$') return { kind: 'end-of-text' };
    // On a single character the native matcher has nothing to try again.
    const native = new RegExp(`^${atom}$`, 'u');
    return { kind: 'character', matches: (character) => native.test(character) };
  }

  function group(): Tree {
    const [opening] = /^\((?:\?(?:[:=!]|<[=!]|<[^>]*>|.))?/su.exec(source.slice(at)) as RegExpExecArray;
    if (opening.startsWith('(?') && opening !== '(?:' && !/^\(\?<[^=!]/.test(opening)) {
      throw refusal(`contains ${opening}, which is not supported`);
    }
    at += opening.length;
    const inner = choice();
    at++;
    return inner;
  }

  function repeated(item: Tree): Tree {
    QUANTIFIER.lastIndex = at;
    const match = QUANTIFIER.exec(source);
    if (!match) return item;
    at += match[0].length;
    const [, sign, low, comma, high] = match;
    if (sign) return { kind: 'repeat', item, min: sign === '+' ? 1 : 0, max: sign === '?' ? 1 : Infinity };
    return { kind: 'repeat', item, min: Number(low), max: high ? Number(high) : comma ? Infinity : Number(low) };
  }

  return choice();
}

/** A state of the automaton. `next` are indices of states. */
type Node =
  | { readonly kind: 'end' }
  | { readonly kind: 'character'; readonly matches: Matches; readonly next: number }
  | { readonly kind: 'start' | 'end-of-text'; readonly next: number }
  | { readonly kind: 'fork'; readonly next: readonly number[] };

/** Adds the states of a tree that continue with `next`, and returns the first. */
function build(tree: Tree, next: number, add: (node: Node) => number, nodes: Node[]): number {
  switch (tree.kind) {
    case 'character':
    case 'start':
    case 'end-of-text':
      return add({ ...tree, next });
    case 'sequence':
      return tree.items.reduceRight((following, item) => build(item, following, add, nodes), next);
    case 'choice':
      return add({ kind: 'fork', next: tree.items.map((item) => build(item, next, add, nodes)) });
    case 'repeat': {
      const { item, min, max } = tree;
      let first = next;
      if (max === Number.POSITIVE_INFINITY) {
        first = add({ kind: 'fork', next: [] });
        nodes[first] = { kind: 'fork', next: [build(item, first, add, nodes), next] };
      } else {
        for (let i = min; i < max; i++) first = add({ kind: 'fork', next: [build(item, first, add, nodes), next] });
      }
      for (let i = 0; i < min; i++) first = build(item, first, add, nodes);
      return first;
    }
  }
}

/** Follows all ways through the automaton at once. A match may begin at each character. */
function run(nodes: readonly Node[], start: number, text: string): boolean {
  const characters = [...text];
  let states: number[] = [];
  for (let position = 0; position <= characters.length; position++) {
    const waiting: Extract<Node, { kind: 'character' }>[] = [];
    const seen = new Set<number>();
    const pending = [...states, start];
    for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
      if (seen.has(index)) continue;
      seen.add(index);
      const node = nodes[index] as Node;
      if (node.kind === 'end') return true;
      if (node.kind === 'character') waiting.push(node);
      else if (node.kind === 'fork') pending.push(...node.next);
      else if (position === (node.kind === 'start' ? 0 : characters.length)) pending.push(node.next);
    }
    const character = characters[position];
    if (character === undefined) return false;
    states = waiting.filter((node) => node.matches(character)).map((node) => node.next);
  }
  return false;
}
