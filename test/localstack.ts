/**
 * `npm run test:localstack`: runs the pipeline suite, the contract suite and the deployment tests against LocalStack, with
 * the handlers as bundled for Lambda. Uses the LocalStack at FEDCARDIO_TEST_ENDPOINT or on port 4566, or starts one.
 *
 *   npm run test:localstack -- --skip-if-not-installable     exit 0 with a warning if it cannot be installed
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { describeError } from '../lib/error.ts';
import { localStackVersion } from '../localstack/health.ts';
import type { Launch } from '../localstack/launch.ts';
import { prepareLaunch } from '../localstack/prepare-launch.ts';
import { freePort } from './helpers/free-port.ts';

const DEFAULT_ENDPOINT = 'http://127.0.0.1:4566';
const say = (line: string) => console.error(line);

const { values, positionals } = parseArgs({
  options: { 'skip-if-not-installable': { type: 'boolean' } },
  allowPositionals: true,
});
process.exitCode = await main();

async function main(): Promise<number> {
  const given = process.env.FEDCARDIO_TEST_ENDPOINT;
  const running = given ?? ((await localStackVersion(DEFAULT_ENDPOINT)) === undefined ? undefined : DEFAULT_ENDPOINT);
  if (running !== undefined) {
    say(`Testing against ${running}`);
    return runTests(running);
  }
  let launch: Launch;
  try {
    launch = await prepareLaunch(say);
  } catch (error) {
    say(`NOT TESTED AGAINST LOCALSTACK: ${describeError(error)}`);
    return values['skip-if-not-installable'] ? 0 : 1;
  }
  const localStack = await launch.start(await freePort(), say);
  try {
    return await runTests(localStack.endpoint);
  } finally {
    await localStack.stop();
  }
}

async function runTests(endpoint: string): Promise<number> {
  const env = {
    ...process.env,
    FEDCARDIO_TEST_ENDPOINT: endpoint,
    FEDCARDIO_CONTRACT_ENDPOINT: endpoint,
    FEDCARDIO_TEST_HANDLERS: 'bundled',
  };
  return (
    (await run(['scripts/build.mjs'], env)) ||
    (await run(
      ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.localstack.config.ts', ...positionals],
      env,
    ))
  );
}

/** Returns the exit code. Ctrl-C also reaches the child, which is in the same process group, so this waits for its end. */
async function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const ignore = () => undefined;
  process.on('SIGINT', ignore);
  const child = spawn(process.execPath, args, { env, stdio: 'inherit' });
  const forward = () => void child.kill('SIGTERM');
  process.on('SIGTERM', forward);
  const [code] = (await once(child, 'exit')) as [number | null];
  process.off('SIGINT', ignore);
  process.off('SIGTERM', forward);
  return code ?? 130;
}
