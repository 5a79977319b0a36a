import { S3Error } from './error.ts';

/** XML with escaped text. */
export interface Markup {
  readonly xml: string;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
};
const escapeText = (text: string): string => text.replace(/[&<>"\r]/g, (character) => ESCAPES[character] as string);

/** One element. Escapes text and skips undefined children. */
export function element(name: string, ...children: readonly (string | number | Markup | undefined)[]): Markup {
  const inner = children.map((child) => {
    if (child === undefined) return '';
    return typeof child === 'object' ? child.xml : escapeText(String(child));
  });
  return { xml: `<${name}>${inner.join('')}</${name}>` };
}

/** A document whose root has S3's namespace. */
export function xmlDocument(root: string, ...children: readonly (string | Markup | undefined)[]): string {
  const { xml } = element(root, ...children);
  const namespace = root === 'Error' ? '' : ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${namespace}${xml.slice(root.length + 1)}`;
}

/** An element of a request. Attributes are ignored, because no S3 request uses them. */
export interface XmlNode {
  readonly name: string;
  readonly text: string;
  readonly children: readonly XmlNode[];
}

/** The children with a name. */
export const childrenOf = (node: XmlNode, name: string): readonly XmlNode[] =>
  node.children.filter((child) => child.name === name);

/** The text of the first child with a name. */
export const textOf = (node: XmlNode, name: string): string | undefined => childrenOf(node, name)[0]?.text;

/** The largest request, CompleteMultipartUpload, has 10,000 parts with at most eight elements each. */
const MAX_ELEMENTS = 100_000;
/** The deepest request has five levels: a filter rule of a notification configuration. */
const MAX_DEPTH = 16;

interface Open {
  readonly name: string;
  text: string;
  readonly children: XmlNode[];
}

/**
 * Parses a request's document: elements and text, as S3 requests use them. DOCTYPE is not supported, so there are only
 * the five standard entities and character references. Reads each character once, in memory proportional to the source.
 *
 * @throws S3Error MalformedXML
 */
export function parseXml(source: string): XmlNode {
  const document: Open = { name: '', text: '', children: [] };
  const open: Open[] = [document];
  let elements = 0;
  let at = 0;

  /** The text before a mark; continues after the mark. */
  function upTo(mark: string): string {
    const end = source.indexOf(mark, at);
    if (end < 0) throw new S3Error('MalformedXML');
    const text = source.slice(at, end);
    at = end + mark.length;
    return text;
  }

  while (at < source.length) {
    const current = open.at(-1) as Open;
    if (source[at] !== '<') {
      const next = source.indexOf('<', at);
      const end = next < 0 ? source.length : next;
      current.text += unescapeText(source.slice(at, end));
      at = end;
    } else if (source.startsWith('<?', at)) {
      upTo('?>');
    } else if (source.startsWith('<!--', at)) {
      at += '<!--'.length;
      upTo('-->');
    } else if (source.startsWith('<![CDATA[', at)) {
      at += '<![CDATA['.length;
      current.text += upTo(']]>');
    } else if (source.startsWith('</', at)) {
      at += '</'.length;
      if (current === document || nameOf(upTo('>')) !== current.name) throw new S3Error('MalformedXML');
      open.pop();
    } else {
      const end = endOfTag(source, at);
      const selfClosing = source[end - 1] === '/';
      const node: Open = { name: nameOf(source.slice(at + 1, selfClosing ? end - 1 : end)), text: '', children: [] };
      at = end + 1;
      if (++elements > MAX_ELEMENTS || open.length > MAX_DEPTH) throw new S3Error('MalformedXML');
      current.children.push(node);
      if (!selfClosing) open.push(node);
    }
  }
  const root = document.children[0];
  if (open.length !== 1 || document.children.length !== 1 || !root) throw new S3Error('MalformedXML');
  return root;
}

/** Position of the `>` that ends a tag. Values of attributes may contain others. */
function endOfTag(source: string, start: number): number {
  let quote: string | undefined;
  for (let at = start + 1; at < source.length; at++) {
    const character = source[at];
    if (quote !== undefined) {
      if (character === quote) quote = undefined;
    } else if (character === '>') return at;
    else if (character === '"' || character === "'") quote = character;
    else if (character === '<') break;
  }
  throw new S3Error('MalformedXML');
}

/** An element's name without its prefix, from the inside of its tag. */
function nameOf(tag: string): string {
  const end = tag.search(/\s/);
  const name = end < 0 ? tag : tag.slice(0, end);
  if (name === '' || /[!?/"'=&]/.test(name)) throw new S3Error('MalformedXML');
  return name.slice(name.indexOf(':') + 1);
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
/** Length of the longest reference, `&#1114111;`. */
const MAX_REFERENCE = 10;

/** Unescapes reference by reference. `replace` with a function would hold all matches in memory at once. */
function unescapeText(text: string): string {
  const pieces: string[] = [];
  let from = 0;
  for (let at = text.indexOf('&'); at >= 0; at = text.indexOf('&', from)) {
    const reference = text.slice(at + 1, at + MAX_REFERENCE);
    const end = reference.indexOf(';');
    if (end < 0) throw new S3Error('MalformedXML');
    if (at > from) pieces.push(text.slice(from, at));
    pieces.push(characterOf(reference.slice(0, end)));
    from = at + 1 + end + 1;
  }
  if (from === 0) return text;
  pieces.push(text.slice(from));
  return pieces.join('');
}

function characterOf(reference: string): string {
  const [, hex, decimal] = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(reference) ?? [];
  const code = hex !== undefined ? Number.parseInt(hex, 16) : decimal !== undefined ? Number(decimal) : undefined;
  if (code !== undefined && code <= 0x10ffff) return String.fromCodePoint(code);
  const character = Object.hasOwn(ENTITIES, reference) ? ENTITIES[reference] : undefined;
  if (character === undefined) throw new S3Error('MalformedXML');
  return character;
}
