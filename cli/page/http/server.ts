import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FedcardioError } from '../../../lib/error.ts';

export interface PageServer {
  readonly port: number;
  close(): Promise<void>;
}

/** The page can write to the buckets with its viewer's credentials, so it must never listen on another address. */
const HOST = '127.0.0.1';

/**
 * Serves the page on a port of its own.
 *
 * @param port 0 for any free one
 * @throws FedcardioError BAD_CONFIGURATION if the port is in use
 */
export async function startPageServer(
  port: number,
  respond: (message: IncomingMessage, response: ServerResponse) => Promise<void>,
  onFailure: (error: unknown) => void,
): Promise<PageServer> {
  const server = createServer((message, response) => {
    respond(message, response).catch((error) => {
      if (!response.destroyed) onFailure(error);
      response.destroy();
    });
  });
  // A large upload may take long.
  server.requestTimeout = 0;
  try {
    server.listen(port, HOST);
    await once(server, 'listening');
  } catch (cause) {
    throw new FedcardioError('BAD_CONFIGURATION', `Port ${port} of ${HOST} cannot be used.`, {
      cause,
      hint: 'Another program may use it: choose another port, or `--port 0` for any free one.',
    });
  }
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
