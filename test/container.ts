/**
 * `npm run test:container`: builds the CPU variant of gpu-tasks/Dockerfile and runs test/container.test.ts with it, a whole
 * campaign whose GPU tasks and merges are containers. Uses docker or podman.
 *
 *   npm run test:container -- --skip-if-no-engine     exit 0 with a warning without either
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeError } from '../lib/error.ts';
import { baseImage } from './container/base-image.ts';
import { type Engine, engines, isRunning, run } from './container/engine.ts';

const IMAGE = 'localhost/fedcardio:test';
const say = (line: string) => console.error(line);
const { values } = parseArgs({ options: { 'skip-if-no-engine': { type: 'boolean' } } });

const folder = mkdtempSync(join(tmpdir(), 'fedcardio-container-'));
try {
  process.exitCode = main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function main(): number {
  const reasons: string[] = [];
  for (const engine of engines(folder)) {
    const name = `${engine.command}${engine.env === process.env ? '' : ' in a sandbox'}`;
    try {
      if (!isRunning(engine)) throw new Error('It does not answer.');
      const base = baseImage(engine, folder, say);
      const probe = run(engine, ['run', '--rm', '--network', 'host', base, 'node', '--version']);
      if (probe.status !== 0) throw new Error(`It cannot run a container: ${probe.output}`);
      say(`Testing with ${name}, from ${base}`);
      return test(engine, base);
    } catch (error) {
      reasons.push(`${name}: ${describeError(error)}`);
    }
  }
  say(`NOT TESTED IN CONTAINERS. ${reasons.join('; ')}`);
  return values['skip-if-no-engine'] ? 0 : 1;
}

function test(engine: Engine, base: string): number {
  const file = ['--file', 'gpu-tasks/Dockerfile', '--tag', IMAGE];
  const variant = ['--build-arg', `BASE=${base}`, '--build-arg', 'VARIANT=cpu'];
  if (run(engine, ['build', ...engine.buildArgs, ...file, ...variant, '.'], true).status !== 0) return 1;
  const env = { ...engine.env, FEDCARDIO_TEST_ENGINE: engine.command, FEDCARDIO_TEST_IMAGE: IMAGE };
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', 'test/container.test.ts'];
  return spawnSync(process.execPath, vitest, { env, stdio: 'inherit' }).status ?? 1;
}
