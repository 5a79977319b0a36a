import { randomBytes } from 'node:crypto';
import type { SqsHandler } from '../../handlers/context.ts';
import type { HandlerName } from '../../lib/federation/topology.ts';
import { HANDLERS, type PlatformOptions } from '../../local/platform.ts';

/** Endpoint that a test federation runs on instead of an embedded server. Its buckets and queues are not removed. */
const ENDPOINT = process.env.FEDCARDIO_TEST_ENDPOINT;

/** The server of a test federation: an embedded one, or the endpoint in FEDCARDIO_TEST_ENDPOINT. */
export const testServer = (dataDir: string, onFailure: (error: unknown) => void): PlatformOptions['server'] =>
  ENDPOINT ? { endpoint: ENDPOINT } : { dataDir, onFailure };

/** A federation id that no other test uses on this endpoint. */
export const testFederationId = (name = 'tavi'): string =>
  ENDPOINT ? `${name}-${randomBytes(4).toString('hex')}` : name;

/** The handlers from their source or, with FEDCARDIO_TEST_HANDLERS=bundled, as `npm run build` bundles them for Lambda. */
export async function testHandlers(): Promise<typeof HANDLERS> {
  if (process.env.FEDCARDIO_TEST_HANDLERS !== 'bundled') return HANDLERS;
  const names = Object.keys(HANDLERS) as HandlerName[];
  const entries = names.map(async (name) => {
    // The path is computed because the compiler would look for a file that is not built yet.
    const file = new URL(`../../dist/handlers/${name}/index.mjs`, import.meta.url).href;
    return [name, ((await import(file)) as Record<string, SqsHandler>)[name]] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as unknown as typeof HANDLERS;
}
