import { printableJson } from '../lib/printable.ts';

/**
 * Prints a command's result for programs. `schema` names its format: a later release may add keys, and counts the version
 * up before it changes or removes one.
 */
export const printJson = (name: string, value: object): void =>
  console.log(printableJson({ schema: `fedcardio.${name}/1`, ...value }));
