import { resolve } from 'node:path';
import { storesOf } from '../../lib/storage/stores.ts';
import { federationOf, openBuckets } from '../campaign.ts';
import { aborted } from '../interrupt.ts';
import { requireKnownSite, requireSiteBucket } from '../missing-bucket.ts';
import { builtPage } from './built.ts';
import { createPageContext, type SiteMachine } from './context.ts';
import { onFailure } from './failure.ts';
import { createPage } from './http/page.ts';
import { startPageServer } from './http/server.ts';
import { createSessions } from './http/sessions.ts';
import type { PageFlags } from './options.ts';

/**
 * Serves the page until the signal. The address goes to standard output, what happens to standard error.
 *
 * @throws FedcardioError if the endpoint does not answer, the site is not of the federation, or the port is in use
 */
export async function runPage(flags: PageFlags, signal: AbortSignal): Promise<void> {
  const { id, declared } = federationOf(flags);
  const { endpoint, site } = flags;
  if (site !== undefined) requireKnownSite(site, { id, declared });
  const machine = site === undefined ? undefined : machineOf(flags.data);
  const openBucket = await openBuckets(flags);
  if (site !== undefined) await requireSiteBucket(site, storesOf(openBucket, id), { id, declared, endpoint });
  const context = createPageContext({ openBucket, id, declared, site, endpoint, machine });
  const folder = await builtPage(say);
  const sessions = createSessions((token) => say(`For another browser: ${addressOf(server.port, token)}`));
  const page = createPage({ prefix: '/', folder, context, sessions, onFailure });
  const server = await startPageServer(flags.port, page.respond, onFailure);
  try {
    const address = addressOf(server.port, sessions.token());
    // One line, because its readers do not wait for the end.
    if (flags.json) console.log(JSON.stringify({ schema: 'fedcardio.page/1', address, role: context.role }));
    else console.log(`${greeting(id, site)}\n\n  ${address}\n\nIt opens in one browser, once. Ctrl-C stops it.`);
    await aborted(signal);
  } finally {
    await server.close();
  }
}

/** Where `site run` keeps what the page needs. Commands on a hospital's own machine name its log in the environment. */
const machineOf = (data: string): SiteMachine => ({
  sentLog: process.env.FEDCARDIO_SENT_LOG ?? resolve(data, 'sent.jsonl'),
  pseudonyms: resolve(data, 'pseudonyms'),
});

const addressOf = (port: number, token: string): string => `http://127.0.0.1:${port}/?token=${token}`;

const greeting = (federation: string, site: string | undefined): string =>
  site === undefined
    ? `The page of the federation "${federation}":`
    : `The page of ${site}, a site of "${federation}":`;

const say = (line: string): void => console.error(line);
