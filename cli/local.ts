import { Command } from 'commander';
import { aborted, onInterrupt } from './interrupt.ts';
import { port } from './options.ts';

const DEFAULT_PORT = 4566;

/** `fedcardio local`: the embedded server by itself, until Ctrl-C. */
export const localCommand = (): Command =>
  new Command('local')
    .description('Run S3 and SQS on this machine until Ctrl-C.')
    .option('--port <number>', 'port on 127.0.0.1; 0 for any free one', port, DEFAULT_PORT)
    .option('--data <dir>', 'where objects and queues are kept', '.fedcardio/local')
    .option('--json', 'print the endpoint as JSON')
    .addHelpText(
      'after',
      `
Examples:
  fedcardio local
  fedcardio local --port 0 --data /tmp/fedcardio --json`,
    )
    .action(serve);

interface LocalOptions {
  readonly port: number;
  readonly data: string;
  readonly json?: boolean;
}

async function serve(options: LocalOptions): Promise<void> {
  const { startEmbeddedServer } = await import('../localstack/embedded/server.ts');
  const { signal, release } = onInterrupt();
  const server = await startEmbeddedServer({ port: options.port, dataDir: options.data });
  try {
    console.log(
      options.json ? JSON.stringify({ endpoint: server.endpoint, data: options.data }) : greeting(server.endpoint),
    );
    await aborted(signal);
  } finally {
    await server.close();
    release();
  }
}

/** How to reach the server with the tools that people have. */
export const greeting = (endpoint: string): string => `S3 and SQS at ${endpoint} (Ctrl-C ends it). Any credentials do:

  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1
  aws --endpoint-url ${endpoint} s3 ls`;
