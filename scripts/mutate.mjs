#!/usr/bin/env node
// Mutation testing: Stryker changes the code in small ways, and for each change a test of the same room should fail. A file takes
// minutes, a room hours. Stryker is installed at the first use, for this clone alone: nobody else needs its 60 MB.
//
//   npm run mutate -- lib/privacy/accountant.ts     one file, or several
//   npm run mutate -- lib/aggregation               all files of a room
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSION = '9.6.1';
const PACKAGES = [`@stryker-mutator/core@${VERSION}`, `@stryker-mutator/vitest-runner@${VERSION}`];
/** Tests of a room that lie elsewhere. */
const OTHER_TESTS = { 'lib/protocol': ['test/protocol/{federation,consent,late,participants,verify}.test.ts'] };

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const paths = process.argv.slice(2).map((path) => path.replace(/\/$/, ''));
const wrong = paths.find((path) => !/^lib\/[a-z-]+(?:\/|$)/.test(path) || !existsSync(join(root, path)));
if (paths.length === 0 || wrong !== undefined) {
  console.error(wrong ? `${wrong} is no file and no room of lib/.` : 'Usage: npm run mutate -- lib/<room>[/<file>] …');
  process.exit(2);
}
if (!existsSync(join(root, 'node_modules', '@stryker-mutator', 'core'))) {
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--legacy-peer-deps', ...PACKAGES]);
}
const rooms = [...new Set(paths.map((path) => path.split('/').slice(0, 2).join('/')))];
const tests = rooms.flatMap((room) => [`${room}/**/*.test.ts`, ...(OTHER_TESTS[room] ?? [])]);
const folder = join('.fedcardio', 'mutation');
mkdirSync(join(root, folder), { recursive: true });
const config = join(folder, 'stryker.json');
const report = join(root, folder, 'mutation.json');
rmSync(report, { force: true });
writeFileSync(
  join(root, config),
  JSON.stringify({
    testRunner: 'vitest',
    vitest: { configFile: 'vitest.mutation.config.ts', related: false },
    mutate: paths.flatMap(filesOf),
    // What runs once, when a file is loaded, would need a new process for each change.
    ignoreStatic: true,
    concurrency: availableParallelism(),
    // A machine with other work must not make a survivor look dead.
    timeoutMS: 60_000,
    reporters: ['clear-text', 'progress-append-only', 'json'],
    clearTextReporter: { allowColor: false, logTests: false },
    jsonReporter: { fileName: join(folder, 'mutation.json') },
    ignorePatterns: ['dist', 'docs/results', 'demo-output', 'coverage', 'cdk.out*', 'test/page'],
    tempDirName: join(folder, 'sandbox'),
  }),
);
const status = run('node_modules/.bin/stryker', ['run', config], { FEDCARDIO_MUTATION_TESTS: JSON.stringify(tests) });
if (!existsSync(report)) process.exit(status || 1);
// Stryker passes over a test file that cannot be loaded: every change would then survive it.
const { testFiles } = JSON.parse(readFileSync(report, 'utf8'));
const missing = rooms.flatMap(testsOf).filter((file) => !(file in testFiles));
if (missing.length > 0)
  console.error(`No test of these files ran, so that survivors mean nothing: ${missing.join(', ')}`);
process.exit(missing.length > 0 ? 1 : status);

/** Test files of a room. */
function testsOf(room) {
  return readdirSync(join(root, room), { recursive: true })
    .map((name) => `${room}/${name}`)
    .filter((path) => path.endsWith('.test.ts'));
}

/** Sources of a path, without tests and their helpers. */
function filesOf(path) {
  if (statSync(join(root, path)).isFile()) return [path];
  return readdirSync(join(root, path), { recursive: true })
    .map(String)
    .filter((name) => /\.ts$/.test(name) && !/(?:\.test|(?:^|\/)testing(?:-[a-z-]+)?|-wasm)\.ts$/.test(name))
    .map((name) => `${path}/${name}`);
}

function run(command, args, env = {}) {
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } }).status ?? 1;
}
