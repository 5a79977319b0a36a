import { readFileSync } from 'node:fs';

/** The release that is deployed, which is the default tag of the image of GPU tasks. */
export const { version: RELEASE } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};
