import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/** Arguments of Node for a child process that runs TypeScript, whatever the working directory. */
export const NODE_WITH_TSX: readonly string[] = [
  '--import',
  pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href,
];
