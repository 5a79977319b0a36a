const PLAIN = /^[\w@%+=:,./-]+$/;

/** A command line that can be typed as it stands: words with other characters are quoted for a POSIX shell. */
export const commandLine = (words: readonly string[]): string =>
  words.map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
