import { randomBytes } from 'node:crypto';
import { aggregate } from '../../handlers/aggregate.ts';
import type { SqsHandler } from '../../handlers/context.ts';
import { dispatch } from '../../handlers/dispatch.ts';
import { intake } from '../../handlers/intake.ts';
import { orchestrate } from '../../handlers/orchestrate.ts';
import type { HandlerName } from '../../lib/federation/topology.ts';
import { startEmbeddedServer } from '../../local/emulator/server.ts';

/** What a federation under test runs on. */
export interface TestPlatform {
  readonly endpoint: string;
  /** A federation's id that no other test uses on this endpoint. */
  readonly federationId: string;
  readonly handlers: Readonly<Record<HandlerName, SqsHandler>>;
  close(): Promise<void>;
}

const SOURCE = { intake, dispatch, orchestrate, aggregate };

/**
 * The embedded server and the handlers' source; or, where FEDCARDIO_TEST_ENDPOINT says so, what runs there already.
 * Buckets and queues stay there: they end with the server. FEDCARDIO_TEST_HANDLERS=bundled takes the handlers as
 * `npm run build` bundles them for Lambda.
 */
export async function startTestPlatform(dataDir: string, onFailure: (error: unknown) => void): Promise<TestPlatform> {
  const handlers = process.env.FEDCARDIO_TEST_HANDLERS === 'bundled' ? await bundled() : SOURCE;
  const endpoint = process.env.FEDCARDIO_TEST_ENDPOINT;
  if (endpoint) {
    const federationId = `tavi-${randomBytes(4).toString('hex')}`;
    return { endpoint, federationId, handlers, close: async () => undefined };
  }
  const server = await startEmbeddedServer({ dataDir, onFailure });
  return { endpoint: server.endpoint, federationId: 'tavi', handlers, close: server.close };
}

async function bundled(): Promise<typeof SOURCE> {
  const names = Object.keys(SOURCE) as HandlerName[];
  const entries = names.map(async (name) => {
    // By a variable, so that nobody looks for the file before it is built.
    const file = new URL(`../../dist/handlers/${name}/index.mjs`, import.meta.url).href;
    return [name, ((await import(file)) as Record<string, SqsHandler>)[name]] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as unknown as typeof SOURCE;
}
