import type { ApiErrorBody } from './api/error.ts';
import { fillPath } from './api/paths.ts';
import { API, type ParamsOf, ROUTES, type RouteName } from './api/routes.ts';
import type { QueryOf, RequestOf, ResponseOf } from './api/schemas.ts';

/** What the server answered instead of a result. `UNREACHABLE`: it did not answer. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(status: number, { code, message, hint }: ApiErrorBody['error']) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

interface Options<N extends RouteName> {
  readonly query?: QueryOf<N>;
  readonly body?: RequestOf<N, Blob>;
  /** Answers `undefined` if the resource still has this ETag. */
  readonly etag?: string | undefined;
  readonly signal?: AbortSignal;
}

export interface Fetched<N extends RouteName> {
  readonly data: ResponseOf<N, Blob>;
  readonly etag: string | undefined;
}

/**
 * Asks a route of the API. What it answers is checked by the server against the route's schema.
 *
 * @throws ApiError
 */
export async function request<N extends RouteName>(
  name: N,
  params: ParamsOf<N>,
  { query, body, etag, signal }: Options<N> = {},
): Promise<Fetched<N> | undefined> {
  const { method, path } = ROUTES[name];
  const response = await fetch(urlOf(path, params, query as object | undefined), {
    method,
    // The ETag is compared here: with the browser's own cache, an unchanged answer would look like a new one.
    cache: 'no-store',
    credentials: 'same-origin',
    ...(signal && { signal }),
    headers: { ...(etag && { 'if-none-match': etag }), ...(body !== undefined && { 'content-type': typeOf(body) }) },
    ...(body !== undefined && { body: (body as unknown) instanceof Blob ? (body as Blob) : JSON.stringify(body) }),
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new ApiError(0, { code: 'UNREACHABLE', message: String(error) });
  });
  if (response.status === 304) return undefined;
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  if (!response.ok) throw await errorOf(response, isJson);
  const data = await (isJson ? response.json() : response.blob());
  return { data: data as ResponseOf<N, Blob>, etag: response.headers.get('etag') ?? undefined };
}

/** Address of a route, relative to the page. */
export function urlOf(path: string, params: Readonly<Record<string, string>>, query: object | undefined): string {
  const search = new URLSearchParams(Object.entries(query ?? {}).map(([key, value]) => [key, String(value)]));
  return `${API}${fillPath(path, params)}${search.size > 0 ? `?${search}` : ''}`;
}

const typeOf = (body: unknown): string => (body instanceof Blob ? 'application/octet-stream' : 'application/json');

async function errorOf(response: Response, isJson: boolean): Promise<ApiError> {
  const body = isJson ? ((await response.json()) as ApiErrorBody) : undefined;
  return new ApiError(response.status, body?.error ?? { code: 'UNEXPECTED', message: response.statusText });
}
