/**
 * `npm run test:aws-tools`: checks the templates of all stacks with cfn-lint and checkov, and deploys them to moto, a server
 * that stands in for AWS. Installs the three from PyPI at the first run, into an environment of their own.
 *
 *   npm run test:aws-tools -- --skip-if-not-installable     exit 0 with a warning if they cannot be installed
 *   npm run test:aws-tools -- checkov                       only the files whose name contains this
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { describeError } from '../lib/error.ts';
import { installTools } from './aws-tools/python.ts';

const { values, positionals } = parseArgs({
  options: { 'skip-if-not-installable': { type: 'boolean' } },
  allowPositionals: true,
});
process.exitCode = await main();

async function main(): Promise<number> {
  let python: string;
  try {
    python = await installTools((line) => console.error(line));
  } catch (error) {
    console.error(`TEMPLATES NOT CHECKED BY CFN-LINT, CHECKOV AND MOTO: ${describeError(error)}`);
    return values['skip-if-not-installable'] ? 0 : 1;
  }
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.aws-tools.config.ts', ...positionals];
  // Ctrl-C reaches vitest too, which is in the same process group. This waits for its end.
  process.on('SIGINT', () => undefined);
  const env = { ...process.env, FEDCARDIO_TEST_PYTHON: python };
  const [code] = (await once(spawn(process.execPath, vitest, { env, stdio: 'inherit' }), 'exit')) as [number | null];
  return code ?? 130;
}
