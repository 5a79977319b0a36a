/**
 * Serves the page in its own process. Argument: a {@link ServedPage} as JSON. Sends where it is and a session, then its
 * processor time whenever it is asked.
 */
import { createObjectStorage } from '../../lib/aws/objects.ts';
import type { Federation } from '../../lib/federation/schemas.ts';
import { startTestPage } from '../../test/helpers/page-server.ts';

export interface ServedPage {
  readonly endpoint: string;
  readonly declared: Federation;
  /** Of a hospital's page. */
  readonly site?: string;
  /** Folder for what the page makes. */
  readonly work: string;
}

export interface ServedAt {
  readonly origin: string;
  readonly cookie: string;
}

const served = JSON.parse(process.argv[2] as string) as ServedPage;
const server = await startTestPage({
  ...served,
  id: served.declared.id,
  openBucket: createObjectStorage({ endpoint: served.endpoint }),
});
process.on('message', () => process.send?.({ cpuSeconds: cpuSeconds() }));
process.on('disconnect', () => process.exit());
const at: ServedAt = { origin: server.origin, cookie: await server.cookie() };
// The parent may have ended while this module was loading.
if (!process.connected) process.exit();
process.send?.(at);

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
