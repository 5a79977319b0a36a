#!/usr/bin/env node
// Builds the command and the processes that it starts into dist/app. Started so, they need no compiler and a fraction of the
// time. In a clone, bin/fedcardio.mjs calls this: it builds if a source is newer. `npm run build:app` builds what is packed; what runs
// keeps its files, unless it is of an earlier build.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(root, 'dist', 'app');
const stamp = join(out, 'built');
const SOURCES = ['cdk', 'cli', 'gpu-tasks', 'handlers', 'lib', 'local', 'page/api'];
const OTHERS = ['package-lock.json', 'scripts/build-app.mjs'];

/**
 * Builds unless all sources are older than the last build.
 *
 * @param isPacked builds in any case, and leaves nothing of earlier builds
 */
export async function buildApp(isPacked = false) {
  if (!isPacked && existsSync(stamp) && timeOf(stamp) > newestSource()) return;
  const [{ build }, { englishZod }] = await Promise.all([import('esbuild'), import('./english-zod.mjs')]);
  const started = new Date();
  const files = json('lib/program-files.json');
  const { version, dependencies, devDependencies } = json('package.json');
  const { outputFiles } = await build({
    absWorkingDir: root,
    // All in one folder, so that every file is as far from the root.
    entryPoints: Object.entries(files).map(([source, name]) => ({ in: source, out: name })),
    outdir: out,
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // All packages but zod, whose many small files take longer to find than to run.
    external: Object.keys({ ...dependencies, ...devDependencies }).filter((name) => name !== 'zod'),
    plugins: [englishZod],
    define: { FEDCARDIO_VERSION: JSON.stringify(version), FEDCARDIO_IS_BUILT: 'true' },
    sourcemap: 'linked',
    write: false,
    logLevel: 'warning',
  });
  mkdirSync(out, { recursive: true });
  // Other processes may build or start at the same time: what an entry point imports is there before it.
  const names = new Set(Object.values(files));
  const isEntry = ({ path }) => names.has(basename(path, '.js'));
  for (const { path, contents } of outputFiles.toSorted((a, b) => isEntry(a) - isEntry(b))) {
    writeFileSync(`${path}.${process.pid}`, contents);
    renameSync(`${path}.${process.pid}`, path);
  }
  writeFileSync(stamp, `${started.toISOString()}\n`);
  const current = new Set(['built', ...outputFiles.map(({ path }) => basename(path))]);
  for (const name of readdirSync(out).filter((one) => !current.has(one))) {
    // Of an earlier build. A process that runs may still import it.
    if (isPacked || timeOf(join(out, name)) < Date.now() - DAY_MS) rmSync(join(out, name), { force: true });
  }
}

const DAY_MS = 24 * 3600 * 1000;

const json = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'));
/** When a file was last changed, ms; 0 if it is gone: other processes may build, and editors replace files. */
const timeOf = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** When a source, or a folder of sources, was last changed, ms. */
function newestSource() {
  const found = SOURCES.flatMap((folder) =>
    readdirSync(join(root, folder), { withFileTypes: true, recursive: true }).flatMap((entry) => {
      const isSource = entry.isDirectory() || /(?<!\.test)\.(?:ts|json)$/.test(entry.name);
      return isSource ? [join(entry.parentPath ?? entry.path, entry.name)] : [];
    }),
  );
  return Math.max(...[...found, ...OTHERS.map((file) => join(root, file))].map(timeOf));
}

/** Tests start processes as they were built, also when they run again because a source has changed. */
export async function setup(vitest) {
  vitest.onTestsRerun(buildApp);
  await buildApp();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildApp(process.argv.includes('--packed'));
