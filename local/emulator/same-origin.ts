import type { IncomingMessage } from 'node:http';

const HOSTS = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * Why a request may not be from a program of this machine's user; undefined if nothing speaks against it. The server has
 * no credentials to check, so without this any web page that is open in a browser could read and delete data: directly,
 * or by a DNS name of its own that resolves to 127.0.0.1. Tools send neither Origin nor Sec-Fetch-Site.
 */
export function foreignOriginOf({ headers, socket }: IncomingMessage): string | undefined {
  const hosts = HOSTS.map((name) => `${name}:${socket.localPort}`);
  // A browser leaves out the default port.
  if (socket.localPort === 80) hosts.push(...HOSTS);
  const { host, origin, 'sec-fetch-site': site } = headers;
  if (host === undefined || !hosts.includes(host.toLowerCase())) {
    return `The Host header must be ${hosts.slice(0, HOSTS.length).join(' or ')}.`;
  }
  const fromPage = origin !== undefined && !hosts.some((own) => origin === `http://${own}`);
  const fromSite = site !== undefined && site !== 'none' && site !== 'same-origin';
  if (fromPage || fromSite) return 'Web pages of other origins have no access.';
  return undefined;
}
