import type { IncomingMessage } from 'node:http';

const HOSTS = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * Why a request is not for this server by its Host header, as after a DNS name of a web page was pointed at 127.0.0.1;
 * undefined if it is.
 */
export function foreignHostOf({ headers, socket }: IncomingMessage): string | undefined {
  const hosts = hostsOf(socket.localPort);
  if (headers.host !== undefined && hosts.includes(headers.host.toLowerCase())) return undefined;
  return `The Host header must be ${hosts.slice(0, HOSTS.length).join(' or ')}.`;
}

/**
 * Why a request may not be from a program of this machine's user; undefined if nothing speaks against it. The server has
 * no credentials to check, so without this any web page that is open in a browser could read and delete data: directly,
 * or by a DNS name of its own that resolves to 127.0.0.1. Tools send neither Origin nor Sec-Fetch-Site.
 */
export function foreignOriginOf(message: IncomingMessage): string | undefined {
  const foreignHost = foreignHostOf(message);
  if (foreignHost !== undefined) return foreignHost;
  const { origin, 'sec-fetch-site': site } = message.headers;
  const hosts = hostsOf(message.socket.localPort);
  const fromPage = origin !== undefined && !hosts.some((own) => origin === `http://${own}`);
  const fromSite = site !== undefined && site !== 'none' && site !== 'same-origin';
  if (fromPage || fromSite) return 'Web pages of other origins have no access.';
  return undefined;
}

/** The hosts of a port of this machine. A browser leaves out the default port. */
const hostsOf = (port: number | undefined): readonly string[] => [
  ...HOSTS.map((name) => `${name}:${port}`),
  ...(port === 80 ? HOSTS : []),
];
