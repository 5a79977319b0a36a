/**
 * Characters that a terminal obeys instead of showing: C0 and C1 controls, line and paragraph separators, and marks that
 * reorder or hide text (bidirectional controls, zero-width characters, byte-order mark), and lone surrogates.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * A text from elsewhere, such as a site's reason, as one line that is safe to print. Line breaks and tabs become spaces;
 * other unprintable characters become their code point, `\u{1b}`.
 */
export const printable = (text: string): string =>
  text.replace(/[\r\n\t]+/g, ' ').replace(UNPRINTABLE, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);

/** Like {@link printable}, for a text of several lines of which each line is shown by itself. */
export const printableLines = (text: string): string => text.split('\n').map(printable).join('\n');

/** A value as indented JSON whose strings are safe to print: JSON itself escapes only C0 controls and lone surrogates. */
export const printableJson = (value: unknown): string => printableEscapes(JSON.stringify(value, null, 2));

const printableEscapes = (json: string): string =>
  json.replace(UNPRINTABLE, (char) =>
    char === '\n'
      ? char
      : Array.from({ length: char.length }, (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
          '',
        ),
  );
