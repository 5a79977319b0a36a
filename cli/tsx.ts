import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/** Node's arguments for a child process that runs our TypeScript, wherever the command was started from. */
export const NODE_WITH_TSX: readonly string[] = [
  '--import',
  pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href,
];
