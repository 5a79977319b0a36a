/** A piece of a document's text: plain, or a reference to another document. */
export interface Piece {
  readonly text: string;
  /** Key of the document that the text names. */
  readonly key?: string;
}

/** Characters that hide or reorder text; see lib/printable.ts. */
const HIDDEN = /[\p{Cf}\p{Zl}\p{Zp}\u007f-\u009f]/gu;

const escaped = (text: string): string =>
  text.replace(HIDDEN, (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);

/** A document as indented JSON, whatever it holds. */
export const prettyText = (value: unknown): string => escaped(JSON.stringify(value, null, 2));

/**
 * Splits a text at what can be followed: hashes of known documents, and keys of documents.
 *
 * @param byHash keys of documents by the SHA-256 of their bytes
 * @param isDocument whether a string is the key of a document that can be read
 */
export function piecesOf(
  text: string,
  byHash: ReadonlyMap<string, string>,
  isDocument: (key: string) => boolean,
): readonly Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(/"([^"\\\n]{1,1024})"/g)) {
    const inner = match[1] as string;
    const key = byHash.get(inner) ?? (isDocument(inner) ? inner : undefined);
    if (key === undefined) continue;
    const start = match.index + 1;
    pieces.push({ text: text.slice(from, start) }, { text: inner, key });
    from = start + inner.length;
  }
  return [...pieces, { text: text.slice(from) }];
}
