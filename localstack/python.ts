import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endSentence, FedcardioError } from '../lib/error.ts';
import { execute } from './execute.ts';
import type { Say } from './launch.ts';

/** Python programs that are installed from PyPI, each into an environment of its own. */
export interface PythonPrograms {
  /** For messages. */
  readonly name: string;
  /** What can be used in its place, for messages. */
  readonly instead?: string;
  /** First part of the environment's folder. */
  readonly folder: string;
  /** requirements.txt with every package pinned. */
  readonly requirements: URL;
  /** What is downloaded, in MB. */
  readonly megabytes: number;
}

const LOCALSTACK: PythonPrograms = {
  name: 'LocalStack',
  instead: 'a container engine',
  folder: 'localstack',
  requirements: new URL('./localstack-requirements.txt', import.meta.url),
  megabytes: 500,
};

/** Python of the image of LocalStack 4.14.0. Python 3.12 lacks `warnings.deprecated`, which its KMS imports. */
const VERSION = '3.13';

export const localStackPython = (say: Say): Promise<string> => pythonWith(LOCALSTACK, say);

/**
 * The Python of a virtual environment with the given programs. Created at the first use in the user's cache, and shared by
 * all clones. The creation is atomic.
 *
 * @throws FedcardioError BAD_CONFIGURATION if there is no suitable Python, or the packages cannot be installed
 */
export async function pythonWith(programs: PythonPrograms, say: Say): Promise<string> {
  const { name } = programs;
  const file = fileURLToPath(programs.requirements);
  const python = await findPython(programs);
  const requirements = createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12);
  const home = join(cacheDirectory(), `${programs.folder}-py${VERSION}-${requirements}`);
  const within = (folder: string) => join(folder, 'bin', 'python');
  if (existsSync(within(home))) return within(home);

  await mkdir(cacheDirectory(), { recursive: true });
  const work = await mkdtemp(join(cacheDirectory(), 'venv-'));
  try {
    say(`${name}: installing from PyPI into ${home} (about ${programs.megabytes} MB, first start only)`);
    await execute(python, ['-m', 'venv', work], {});
    const quietly = ['--quiet', '--disable-pip-version-check', '--no-input'];
    await execute(within(work), ['-m', 'pip', 'install', ...quietly, '--requirement', file], {});
    await rename(work, home).catch((error) => {
      if (!existsSync(home)) throw error; // A concurrent start was first.
    });
    return within(home);
  } catch (cause) {
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      endSentence(`${name} cannot be installed: ${(cause as Error).message}`),
      {
        cause,
        hint: 'Check that PyPI is reachable, and that venv and pip are installed (on Debian the package python3-venv).',
      },
    );
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The cache folder of `npm run setup` too. */
const cacheDirectory = (): string =>
  process.env.FEDCARDIO_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'fedcardio');

/** The first Python of the right version from FEDCARDIO_PYTHON, PATH and pyenv. */
async function findPython({ name, instead }: PythonPrograms): Promise<string> {
  const named = process.env.FEDCARDIO_PYTHON;
  const programs = named ? [named] : ['python3', `python${VERSION}`, ...(await pyenv())];
  const seen: string[] = [];
  for (const program of programs) {
    const version = await execute(program, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], {}).catch(
      () => undefined,
    );
    if (version === undefined) continue;
    if (version === VERSION) return program;
    seen.push(`${program} is ${version}`);
  }
  const found = seen.length > 0 ? seen.join(', ') : `found no ${programs.join(' or ')}`;
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `${name} needs ${instead ? `${instead} or ` : ''}Python ${VERSION}; ${found}.`,
    {
      hint: 'Install this Python and set FEDCARDIO_PYTHON to it if it is not on the PATH.',
    },
  );
}

/** Pythons installed by pyenv that are not on the PATH. */
async function pyenv(): Promise<readonly string[]> {
  const versions = join(process.env.PYENV_ROOT ?? join(homedir(), '.pyenv'), 'versions');
  const installed = await readdir(versions).catch(() => []);
  return installed
    .filter((name) => name.startsWith(`${VERSION}.`))
    .map((name) => join(versions, name, 'bin', 'python3'));
}
