import type { IncomingMessage, ServerResponse } from 'node:http';
import { foreignHostOf, foreignOriginOf } from '../../../local/emulator/same-origin.ts';
import { API } from '../../../page/api/routes.ts';
import type { PageContext } from '../context.ts';
import { HANDLERS } from '../handlers/handlers.ts';
import { LIVE_REQUESTS_A_MINUTE } from '../meter.ts';
import { createResources } from '../resources.ts';
import { type Api, respondApi } from './api.ts';
import { failureOf, Refusal } from './errors.ts';
import { cookieName, cookieOf, securityHeaders } from './headers.ts';
import type { Sessions } from './sessions.ts';
import { sendFile } from './static-files.ts';
import { lockedPage, openingPage } from './token-page.ts';

export interface PageOptions {
  /** Path of the page, with a slash at both ends. */
  readonly prefix: string;
  /** Folder of the built page. */
  readonly folder: string;
  readonly context: PageContext;
  readonly sessions: Sessions;
  readonly onFailure: (error: unknown) => void;
  /** Milliseconds of a clock that only moves forward. */
  readonly now?: () => number;
}

/** Answers all requests below the page's prefix: files, API, and the exchange of the token for a session. */
export function createPage({
  prefix,
  folder,
  context,
  sessions,
  onFailure,
  now = () => performance.now(),
}: PageOptions) {
  const mayRefresh = () => context.meter.count() < LIVE_REQUESTS_A_MINUTE;
  const api: Api = { context, handlers: HANDLERS, resources: createResources({ now, mayRefresh }), onFailure };
  const hasSession = (message: IncomingMessage) => {
    const session = cookieOf(message, cookieName(message));
    return session !== undefined && sessions.isOpen(session);
  };

  async function respond(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const foreign = isNavigation(message) ? foreignHostOf(message) : foreignOriginOf(message);
    if (foreign !== undefined) {
      message.resume();
      // Without the headers that repeat the host, which is not this one.
      send(response, 403, 'application/json', JSON.stringify(failureOf(new Refusal(403, 'FOREIGN', foreign)).body));
      return;
    }
    response.setHeaders(new Map(Object.entries(securityHeaders(message, prefix)) as [string, string][]));
    const [path = '', search = ''] = (message.url ?? '').slice(prefix.length).split(/\?(.*)/s);
    const query = new URLSearchParams(search);
    if (path.startsWith(`${API}/`)) {
      if (hasSession(message)) await respondApi(api, path.slice(API.length), query, message, response);
      else refuse(message, response, new Refusal(401, 'NO_SESSION', 'This browser has no session.', LOCKED_HINT));
      return;
    }
    message.resume();
    // Asked for by browsers on a page without an icon of its own.
    if (path === 'favicon.ico') response.writeHead(204).end();
    else if (message.method !== 'GET' && message.method !== 'HEAD') {
      refuse(message, response, new Refusal(405, 'BAD_METHOD', 'Use GET.'));
    } else if (path === '') await respondIndex(query.get('token'), message, response);
    else if (!path.startsWith('assets/') || !(await sendFile(folder, path, response, message.method === 'GET'))) {
      refuse(message, response, new Refusal(404, 'NOT_FOUND', 'The page has no such file.'));
    }
  }

  async function respondIndex(token: string | null, message: IncomingMessage, response: ServerResponse): Promise<void> {
    const language = message.headers['accept-language'];
    // A program that looks at the link of a chat must not use the token up.
    const session = token === null || message.method !== 'GET' ? undefined : sessions.open(token);
    if (session !== undefined) {
      response.setHeader('set-cookie', `${cookieName(message)}=${session}; HttpOnly; SameSite=Strict; Path=${prefix}`);
    }
    if (session !== undefined || (token !== null && hasSession(message)))
      html(response, 200, openingPage(language, prefix));
    else if (!hasSession(message)) html(response, 401, lockedPage(language, prefix));
    else await sendFile(folder, 'index.html', response, message.method === 'GET');
  }

  return { prefix, respond };
}

const LOCKED_HINT = 'Open the newest address that the terminal of `fedcardio page` or `fedcardio up` shows.';

/** A link that was followed, from wherever it was. It gives the page no access to what it gets. */
const isNavigation = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';

function refuse(message: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  message.resume();
  const { status, body } = failureOf(refusal);
  send(response, status, 'application/json', JSON.stringify(body));
}

const html = (response: ServerResponse, status: number, text: string) => send(response, status, 'text/html', text);

function send(response: ServerResponse, status: number, type: string, text: string): void {
  const body = Buffer.from(text);
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'content-length': body.length,
    'cache-control': 'no-store',
  });
  response.end(body);
}
