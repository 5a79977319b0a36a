import { readFileSync } from 'node:fs';

/** Set in bundles, which have no package.json beside them (scripts/build.mjs). */
declare const FEDCARDIO_VERSION: string | undefined;

/** The release of this program. */
export const VERSION: string =
  typeof FEDCARDIO_VERSION === 'string'
    ? FEDCARDIO_VERSION
    : JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
