import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FedcardioError } from '../../lib/error.ts';
import { ROOT } from '../../lib/program.ts';

const BUILT = join(ROOT, 'dist', 'page');
const SOURCES = join(ROOT, 'page');
/** The package for other programs has the built page and no sources of it. */
const BUILDER = join(ROOT, 'scripts', 'build-page.mjs');

/**
 * The folder of the built page. In a checkout of the sources it is built if it is missing or older than they are.
 *
 * @param say told that it is built, which takes seconds
 * @throws FedcardioError BAD_CONFIGURATION if it cannot be built
 */
export async function builtPage(say: (line: string) => void): Promise<string> {
  const built = timeOf(join(BUILT, 'index.html'));
  if (!existsSync(BUILDER)) {
    if (built === undefined) throw incomplete('The installed package has no built page.', 'Install it again.');
    return BUILT;
  }
  if (built !== undefined && built >= newestIn(SOURCES)) return BUILT;
  say(built === undefined ? 'Building the page, once.' : 'Building the page again, because its sources have changed.');
  const child = spawn(process.execPath, [BUILDER], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(String(chunk)));
  const [code] = await once(child, 'close');
  if (code !== 0) throw incomplete(`The page cannot be built: ${output.join('').trim()}`, 'Run `npm run build:page`.');
  return BUILT;
}

const incomplete = (message: string, hint: string) => new FedcardioError('BAD_CONFIGURATION', message, { hint });

const timeOf = (file: string): number | undefined => statSync(file, { throwIfNoEntry: false })?.mtimeMs;

/** When a file of the folder was changed last, ms. */
const newestIn = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((newest, entry) => Math.max(newest, timeOf(join(entry.parentPath, entry.name)) ?? 0), 0);
