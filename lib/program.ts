import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import FILES from './program-files.json' with { type: 'json' };

/** Set in the built program, whose files are all in `dist/app` (scripts/build-app.mjs). */
declare const FEDCARDIO_IS_BUILT: true | undefined;

/** Whether this runs as it was built. Otherwise it runs from its sources, by tsx. */
const IS_BUILT = typeof FEDCARDIO_IS_BUILT === 'boolean';

/** The folder that the program is in: of a clone, or of an installed package. */
export const ROOT: string = fileURLToPath(new URL(IS_BUILT ? '../..' : '..', import.meta.url));

/** A process of the program: its file, and the options of Node that it needs. */
export interface ProgramProcess {
  readonly file: string;
  readonly execArgv: readonly string[];
}

/**
 * A process of the program, by the path of its source in the repository; program-files.json has the name that it has when it is
 * built. All paths are absolute: it may be started in any folder. FEDCARDIO_BUILT=1 starts what was built from sources, too, as
 * tests do: it starts in half of the time.
 */
export function programProcess(source: keyof typeof FILES): ProgramProcess {
  if (IS_BUILT || process.env.FEDCARDIO_BUILT)
    return { file: join(ROOT, 'dist', 'app', `${FILES[source]}.js`), execArgv: [] };
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return { file: join(ROOT, source), execArgv: ['--import', tsx] };
}
