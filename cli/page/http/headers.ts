import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';

/**
 * Headers of every response of the page. Sources are named with the page's prefix, because below other paths of the same
 * origin the embedded server answers with stored objects, which anybody may have written.
 *
 * @param prefix path of the page, with a slash at both ends
 */
export function securityHeaders({ headers }: IncomingMessage, prefix: string): OutgoingHttpHeaders {
  const page = `http://${headers.host}${prefix}`;
  const policy = {
    'default-src': "'none'",
    'script-src': `${page}assets/`,
    'style-src': `${page}assets/`,
    'img-src': `${page} blob:`,
    'connect-src': page,
    'base-uri': "'none'",
    'form-action': "'none'",
    'frame-ancestors': "'none'",
    'require-trusted-types-for': "'script'",
  };
  return {
    'content-security-policy': Object.entries(policy)
      .map(([name, value]) => `${name} ${value}`)
      .join('; '),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  };
}

/** The value of a cookie. */
export function cookieOf({ headers }: IncomingMessage, name: string): string | undefined {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Cookies of all ports of a host are sent to each of them, so that the name must tell them apart. */
export const cookieName = ({ socket }: IncomingMessage): string => `fedcardio-page-${socket.localPort}`;
