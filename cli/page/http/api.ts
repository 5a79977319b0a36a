import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Readable, Readable as Stream } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { z } from 'zod';
import { parseJson, parseValue } from '../../../lib/json.ts';
import { bodyOf, readBody } from '../../../local/emulator/request-body.ts';
import { matchPath } from '../../../page/api/paths.ts';
import { ROUTES, type Route, type RouteName } from '../../../page/api/routes.ts';
import { BYTES, SCHEMAS } from '../../../page/api/schemas.ts';
import type { PageContext } from '../context.ts';
import type { BytesResponse, Handler, Handlers, PageRequest } from '../handler.ts';
import type { Resources } from '../resources.ts';
import { failureOf, isUnexpected, Refusal } from './errors.ts';

/** Most bytes of a JSON body. */
const MAX_JSON = 256 * 1024;

export interface Api {
  readonly context: PageContext;
  readonly handlers: Handlers;
  readonly resources: Resources;
  /** Told what is no answer to the request but a fault of the program. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Answers a request below `api/v1`, whose origin and session are checked.
 *
 * @param path below `api/v1`, with a slash at its beginning, without the query
 */
export async function respondApi(
  api: Api,
  path: string,
  query: URLSearchParams,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const { name, params } = routeOf(path, message.method ?? '');
    const { context } = api;
    const { roles, method }: Route = ROUTES[name];
    if (!roles.includes(context.role)) throw notForRole(context);
    const { response: schema } = SCHEMAS[name] as Schemas;
    if (method === 'GET' && schema !== BYTES) {
      const request = await requestOf(name, params, query, undefined);
      const { text, etag } = await api.resources.get(`${path}?${query}`, () => answerOf(api, name, request));
      sendText(response, 200, text, { etag }, message.headers['if-none-match'] === etag);
      return;
    }
    const request = await requestOf(name, params, query, message);
    const answer = await answerOf(api, name, request);
    if (method !== 'GET') api.resources.clear();
    if (schema === BYTES) await sendBytes(response, answer as BytesResponse);
    else sendText(response, 200, JSON.stringify(answer));
  } catch (error) {
    if (isUnexpected(error)) api.onFailure(error);
    message.resume();
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { status, body } = failureOf(error);
    sendText(response, status, JSON.stringify(body));
  }
}

interface Schemas {
  readonly request?: z.ZodType | typeof BYTES;
  readonly query?: z.ZodType;
  readonly response: z.ZodType | typeof BYTES;
}

function routeOf(path: string, method: string) {
  const found = (Object.entries(ROUTES) as [RouteName, Route][]).flatMap(([name, route]) => {
    const params = matchPath(route.path, path);
    return params ? [{ name, route, params }] : [];
  });
  if (found.length === 0) throw new Refusal(404, 'NOT_FOUND', 'The API has no such path.');
  const [match] = found.filter(({ route }) => route.method === method);
  if (match) return match;
  throw new Refusal(405, 'BAD_METHOD', `Use ${found.map(({ route }) => route.method).join(' or ')}.`);
}

const notForRole = ({ site }: PageContext): Refusal =>
  site === undefined
    ? new Refusal(403, 'FORBIDDEN', 'This is for a site.', 'Start the page of a site: fedcardio page --site <id>')
    : new Refusal(403, 'FORBIDDEN', 'This is for the coordinator of the federation, not for a site.');

type AnyRequest = PageRequest<RouteName>;

async function requestOf(
  name: RouteName,
  params: Readonly<Record<string, string>>,
  given: URLSearchParams,
  message: IncomingMessage | undefined,
): Promise<AnyRequest> {
  const { request, query } = SCHEMAS[name] as Schemas;
  return {
    params,
    query: query && parseValue(Object.fromEntries(given), query, 'The query'),
    body: request && message ? await takenBody(request, message) : undefined,
  } as AnyRequest;
}

async function takenBody(schema: z.ZodType | typeof BYTES, message: IncomingMessage) {
  if (schema === BYTES) return bodyOf(message);
  // A form of another page cannot send this type.
  if (!/^application\/json\b/.test(message.headers['content-type'] ?? '')) {
    throw new Refusal(415, 'BAD_TYPE', 'The body must be application/json.');
  }
  const body = await readBody(message, MAX_JSON);
  if (!body) throw new Refusal(413, 'TOO_LARGE', `The body has more than ${MAX_JSON} bytes.`);
  return parseJson(body, schema, 'The body');
}

/** The handler's answer, which must fit its schema: what is sent is what the description of the API says. */
async function answerOf({ context, handlers }: Api, name: RouteName, request: AnyRequest): Promise<unknown> {
  const answer = await (handlers[name] as Handler<RouteName>)(context, request);
  const { response } = SCHEMAS[name] as Schemas;
  return response === BYTES ? answer : response.parse(answer);
}

function sendText(response: ServerResponse, status: number, text: string, headers = {}, isUnchanged = false): void {
  const common = { ...headers, 'cache-control': 'no-cache' };
  if (isUnchanged) {
    response.writeHead(304, common).end();
    return;
  }
  const body = Buffer.from(text);
  response.writeHead(status, {
    ...common,
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
  });
  response.end(body);
}

async function sendBytes(response: ServerResponse, { type, body, bytes }: BytesResponse): Promise<void> {
  const length = body instanceof Uint8Array ? body.length : bytes;
  response.writeHead(200, {
    'content-type': type,
    'cache-control': 'no-store',
    ...(length !== undefined && { 'content-length': length }),
  });
  const stream: Readable = body instanceof Uint8Array ? Stream.from([body]) : body;
  await pipeline(stream, response);
}
