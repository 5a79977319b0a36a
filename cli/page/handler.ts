import type { Readable } from 'node:stream';
import type { ParamsOf, RouteName } from '../../page/api/routes.ts';
import type { ParsedQueryOf, RequestOf, ResponseOf } from '../../page/api/schemas.ts';
import type { PageContext } from './context.ts';

/** A response of bytes instead of JSON. */
export interface BytesResponse {
  readonly type: string;
  readonly body: Uint8Array | Readable;
  /** Of a stream. */
  readonly bytes?: number;
}

/** What a handler gets; a body and a query have the types of the route's schemas. A body of bytes is a stream. */
export interface PageRequest<N extends RouteName> {
  readonly params: ParamsOf<N>;
  readonly query: ParsedQueryOf<N>;
  readonly body: RequestOf<N, AsyncIterable<Uint8Array>>;
}

/** Answers a route. Throws FedcardioError, which becomes `{ error }` with a fitting status. */
export type Handler<N extends RouteName> = (
  context: PageContext,
  request: PageRequest<N>,
) => Promise<ResponseOf<N, BytesResponse>>;

/** A handler for each route. */
export type Handlers = { readonly [N in RouteName]: Handler<N> };
