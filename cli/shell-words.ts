/** A word as a shell reads it: in quotes if it has a character that the shell would interpret. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** A command line that can be typed as it stands: words with other characters are quoted for a POSIX shell. */
export const commandLine = (words: readonly string[]): string => words.map(quoted).join(' ');
