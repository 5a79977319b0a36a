import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import PROGRAM_FILES from '../lib/program-files.json' with { type: 'json' };

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const EXPORTS = ['safetensors', 'nifti', 'emulator', 'federation'] as const;
const run = promisify(execFile);
/** What packing reads: the files of the root, and these folders. */
const SOURCES =
  /^(?:(?!node_modules$)[^/\\]*|(?:bin|cdk|cli|examples|exports|gpu-tasks|handlers|lib|local|page|scripts)[/\\].*)$/;

/** A project that has the package installed from its tarball, and the dependencies of this repository. */
let project: string;
/** Folder of the unpacked package. */
let installed: string;
/** Paths of the tarball's files, from the root of the package. */
let files: readonly string[];

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'fedcardio-package-'));
  await pack();
  await linkDependencies();
  await writeFile(join(project, 'package.json'), '{ "type": "module", "private": true }');
}, 180_000);

afterAll(() => rm(project, { recursive: true, force: true }));

describe('the package', () => {
  test('holds what its entry points and its command need', async () => {
    const { exports, bin } = await manifest();

    const targets = Object.values(exports).flatMap((target) =>
      typeof target === 'string' ? target : Object.values(target),
    );
    for (const target of [...targets, ...Object.values(bin)]) expect(files).toContain(target.slice('./'.length));
    const built = Object.values(PROGRAM_FILES).map((name) => `dist/app/${name}.js`);
    expect(files).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'CHANGELOG.md', ...built]));
    expect(Object.keys(exports)).toEqual([...EXPORTS.map((name) => `./${name}`), './package.json']);
  });

  test('holds no source, no test, no fixture, no result and no data', () => {
    const unwanted =
      /\.(?:test|spec)\.[a-z.]+$|(?:^|\/)testing(?:-[a-z-]+)?\.|^(?:test|docs|localstack|coverage|demo-output|cdk\.out)\/|fixtures\/|\.fedcardio|\.safetensors$|\.nii(?:\.gz)?$|^federation\.json$|^dist\/(?!(?:app|package|page)\/)|(?<!\.d)\.ts$|\.map$/;

    expect(files.filter((file) => unwanted.test(file))).toEqual([]);
  });

  test('imports only files that it holds and packages that it depends on', async () => {
    const { dependencies } = await manifest();
    const known = new Set([...Object.keys(dependencies), ...builtinModules]);
    const missing: string[] = [];
    for (const file of files.filter((name) => /(?<!\.d)\.(?:ts|js|mjs)$/.test(name))) {
      for (const specifier of importsOf(await readFile(join(installed, file), 'utf8'))) {
        const found = specifier.startsWith('.')
          ? existsSync(join(installed, dirname(file), specifier))
          : known.has(packageOf(specifier));
        if (!found) missing.push(`${file}: ${specifier}`);
      }
    }

    expect(missing).toEqual([]);
  });

  test('runs its command without a compiler, with the example that it ships', async () => {
    const federation = join(installed, 'examples/paper/federation.json');
    const command = [join(installed, 'bin/fedcardio.mjs'), 'cost', federation, '--json'];

    const { stdout } = await run(process.execPath, command, { cwd: project });

    expect(JSON.parse(stdout)).toMatchObject({ federation: 'fedcardio', sites: 8 });
  });

  test.for(EXPORTS)('runs the sample of fedcardio/%s in plain Node', async (name) => {
    const { code } = await transform(await sample(name), { loader: 'ts', format: 'esm' });
    const file = join(project, `${name}.js`);
    await writeFile(file, code);

    // Without NODE_OPTIONS: a loader registered there would hide an import that plain Node cannot resolve.
    const env = { ...process.env, NODE_OPTIONS: '', AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' };
    const { stderr } = await run(process.execPath, [file], { cwd: project, env });

    expect(stderr).toBe('');
  });

  test('has types that a strict program compiles with', async () => {
    const consumer = join(project, 'consumer');
    await mkdir(consumer);
    for (const name of EXPORTS) await writeFile(join(consumer, `${name}.ts`), await sample(name));
    const compilerOptions = {
      module: 'NodeNext',
      target: 'ES2023',
      lib: ['ES2023'],
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      skipLibCheck: false,
    };
    await writeFile(join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));

    const { stdout } = await run(process.execPath, [
      join(ROOT, 'node_modules/@typescript/native/bin/tsc'),
      '-p',
      consumer,
    ]).catch((failed: { readonly stdout: string }) => failed);

    expect(stdout).toBe('');
  }, 180_000);

  test('documents everything that it exports', () => {
    expect(EXPORTS.flatMap(undocumented)).toEqual([]);
  });
});

/** Builds and packs the repository, and unpacks the tarball where npm would install it. */
async function pack(): Promise<void> {
  // Other tests run what is built here, which packing removes and builds again.
  const clone = join(project, 'clone');
  await cp(ROOT, clone, { recursive: true, filter: (path) => SOURCES.test(relative(ROOT, path)) });
  await symlink(join(ROOT, 'node_modules'), join(clone, 'node_modules'), 'junction');
  // .npmrc switches scripts off; this runs `prepack`, which builds.
  const args = ['pack', '--ignore-scripts=false', '--offline', '--json', '--pack-destination', project];
  await run('npm', args, { cwd: clone, shell: process.platform === 'win32' });
  const tarball = (await readdir(project)).find((name) => name.endsWith('.tgz')) as string;
  installed = join(project, 'node_modules', 'fedcardio');
  await mkdir(installed, { recursive: true });
  await run('tar', ['-xzf', join(project, tarball), '-C', installed, '--strip-components=1']);
  const entries = await readdir(installed, { recursive: true, withFileTypes: true });
  files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));
}

async function linkDependencies(): Promise<void> {
  for (const name of await readdir(join(ROOT, 'node_modules'))) {
    await symlink(join(ROOT, 'node_modules', name), join(project, 'node_modules', name));
  }
}

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

const manifest = async (): Promise<Manifest> =>
  JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as Manifest;

/** The code below the export's heading in docs/reference/packages.md. */
async function sample(name: string): Promise<string> {
  const text = await readFile(join(ROOT, 'docs/reference/packages.md'), 'utf8');
  const section = text.split(`## fedcardio/${name}\n`)[1];
  const code = section && /```ts\n([\s\S]*?)```/.exec(section)?.[1];
  if (!code) throw new Error(`docs/reference/packages.md has no sample of fedcardio/${name}.`);
  return code;
}

/** The modules that a file imports, re-exports or loads with a literal `import()`; type imports too. */
const importsOf = (code: string): readonly string[] =>
  ts.preProcessFile(code, true, true).importedFiles.map(({ fileName }) => fileName);

/** Names that an entry point exports without a docstring. */
function undocumented(name: (typeof EXPORTS)[number]): readonly string[] {
  const file = join(installed, `dist/package/exports/${name}.d.ts`);
  const options = { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, noLib: true };
  const program = ts.createProgram([file], options);
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(file) as ts.SourceFile) as ts.Symbol;
  return checker
    .getExportsOfModule(module)
    .filter((symbol) => checker.getAliasedSymbol(symbol).getDocumentationComment(checker).length === 0)
    .map((symbol) => `${name}: ${symbol.name}`);
}

const packageOf = (specifier: string): string =>
  specifier
    .replace(/^node:/, '')
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
