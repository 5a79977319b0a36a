import { Command } from 'commander';
import { aborted, onInterrupt } from './interrupt.ts';
import { port } from './options.ts';
import { readInput } from './read-input.ts';

/** Port of the server unless the user names another. */
export const DEFAULT_PORT = 4566;

/** `fedcardio local`: the embedded server on its own, until Ctrl-C. */
export const localCommand = (): Command =>
  new Command('local')
    .option('--port <number>', 'port on 127.0.0.1; 0 for any free one', port, DEFAULT_PORT)
    .option('--data <dir>', 'directory of objects and queues', '.fedcardio/local')
    .option('--faults <file>', 'faults to inject, as JSON (see docs/emulators.md)')
    .option('--json', 'print the endpoint as JSON')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio local
  npx fedcardio local --port 0 --data /tmp/fedcardio --json
  npx fedcardio local --faults faults.json     with {"rules": [{"fault": "slow-down", "rate": 0.1}]}`,
    )
    .action(serve);

interface LocalOptions {
  readonly port: number;
  readonly data: string;
  readonly faults?: string;
  readonly json?: boolean;
}

async function serve(options: LocalOptions): Promise<void> {
  const { startEmbeddedServer } = await import('../local/emulator/server.ts');
  const faults = options.faults === undefined ? undefined : await readFaults(options.faults);
  const { signal, release } = onInterrupt();
  const server = await startEmbeddedServer({
    port: options.port,
    dataDir: options.data,
    ...(faults ? { faults } : {}),
  });
  try {
    // One line, because its readers do not wait for the end.
    const said = { schema: 'fedcardio.server/1', endpoint: server.endpoint, data: options.data };
    console.log(options.json ? JSON.stringify(said) : greeting(server.endpoint));
    await aborted(signal);
  } finally {
    await server.close();
    release();
  }
}

async function readFaults(file: string) {
  const { parseJson } = await import('../lib/json.ts');
  const { faultsSchema } = await import('../local/emulator/faults/configuration.ts');
  return parseJson(readInput(file), faultsSchema, file);
}

/** Tells how to use the server with the AWS CLI. */
const greeting = (endpoint: string): string => `S3 and SQS at ${endpoint} (Ctrl-C stops it). Any credentials work:

  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1
  aws --endpoint-url ${endpoint} s3 ls

Only the server runs: nothing examines uploads or trains. To run functions and GPU tasks too: npx fedcardio up`;
