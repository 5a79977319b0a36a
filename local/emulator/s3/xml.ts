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

const TOKEN =
  /<\?[\s\S]*?\?>|<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)([^\s/>!?]+)((?:"[^"]*"|'[^']*'|[^"'>])*?)(\/?)>|([^<]+)/y;

/**
 * Parses a request's document: elements and text, as S3 requests use them. DOCTYPE is not supported, so there are only
 * the five standard entities and character references.
 *
 * @throws S3Error MalformedXML
 */
export function parseXml(source: string): XmlNode {
  interface Open {
    readonly name: string;
    text: string;
    readonly children: XmlNode[];
  }
  const document: Open = { name: '', text: '', children: [] };
  const open: Open[] = [document];
  const token = new RegExp(TOKEN);
  while (token.lastIndex < source.length) {
    const match = token.exec(source);
    const current = open.at(-1);
    if (!match || !current) throw new S3Error('MalformedXML');
    const [, cdata, closing, qualifiedName, , selfClosing, text] = match;
    if (cdata !== undefined) current.text += cdata;
    else if (text !== undefined) current.text += unescapeText(text);
    else if (qualifiedName !== undefined) {
      const name = qualifiedName.slice(qualifiedName.indexOf(':') + 1);
      if (closing) {
        if (current === document || current.name !== name) throw new S3Error('MalformedXML');
        open.pop();
      } else {
        const node: Open = { name, text: '', children: [] };
        current.children.push(node);
        if (!selfClosing) open.push(node);
      }
    }
  }
  const root = document.children[0];
  if (open.length !== 1 || document.children.length !== 1 || !root) throw new S3Error('MalformedXML');
  return root;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescapeText(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(\w+));|&/g,
    (_, hex?: string, decimal?: string, name?: string) => {
      const code = hex ? Number.parseInt(hex, 16) : decimal ? Number(decimal) : undefined;
      if (code !== undefined && code <= 0x10ffff) return String.fromCodePoint(code);
      const character = name === undefined ? undefined : ENTITIES[name];
      if (character === undefined) throw new S3Error('MalformedXML');
      return character;
    },
  );
}
