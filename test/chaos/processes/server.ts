/** The server of the federation's buckets and queues, in a process of its own. */

import { isDiskFull } from '../../../local/emulator/disk-full.ts';
import { startEmbeddedServer } from '../../../local/emulator/server.ts';
import type { ServerConfig } from './config.ts';
import { report, serveRequests } from './report.ts';

const config = JSON.parse(process.env.CHAOS_CONFIG as string) as ServerConfig;
const server = await startEmbeddedServer({
  ...config,
  onFailure: (error) => {
    if (!isDiskFull(error)) report({ type: 'fault', what: String((error as Error).stack ?? error) });
  },
});
serveRequests({ stop: server.close });
report({ type: 'ready', endpoint: server.endpoint });
