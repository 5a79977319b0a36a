/**
 * `npm run localstack`: LocalStack on 127.0.0.1 until Ctrl-C.
 *
 *   npm run localstack -- --port 4567
 *   npm run localstack -- --stop        stops what an earlier run left running
 */
import { parseArgs } from 'node:util';
import { describeError, FedcardioError } from '../lib/error.ts';
import { hasContainerEngine, stopContainer } from './container.ts';
import { localStackVersion } from './health.ts';
import { stopOrphans } from './pid-files.ts';
import { prepareLaunch } from './prepare-launch.ts';

const say = (line: string) => console.error(line);

try {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '4566' }, stop: { type: 'boolean' } } });
  if (values.stop) await stop();
  else await run(portOf(values.port));
} catch (error) {
  console.error(`error: ${describeError(error)}`);
  process.exitCode = 1;
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  throw new FedcardioError('BAD_CONFIGURATION', `"${text}" is not a port.`, {
    hint: 'Choose a number from 1 to 65535.',
  });
}

async function stop(): Promise<void> {
  await stopOrphans(say);
  if (await hasContainerEngine()) await stopContainer();
}

async function run(port: number): Promise<void> {
  const endpoint = `http://127.0.0.1:${port}`;
  if ((await localStackVersion(endpoint)) !== undefined) {
    throw new FedcardioError('BAD_CONFIGURATION', `LocalStack already runs at ${endpoint}.`, {
      hint: 'Stop it with --stop, or choose another --port.',
    });
  }
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  const localStack = await (await prepareLaunch(say)).start(port, say);
  say(`Ctrl-C stops it. Run the demo on it: npm run demo -- --quick --endpoint ${localStack.endpoint}`);
  await interrupted;
  await localStack.stop();
}
