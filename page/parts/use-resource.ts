import { useEffect, useState } from 'preact/hooks';
import type { ParamsOf, RouteName } from '../api/routes.ts';
import type { QueryOf, ResponseOf } from '../api/schemas.ts';
import { ApiError, request } from '../client.ts';

/** What is known of a resource. After a failure, `data` is what was read before it. */
export interface ResourceState<N extends RouteName> {
  readonly data: ResponseOf<N, Blob> | undefined;
  readonly error: ApiError | undefined;
  /** Reads again, now. */
  readonly reload: () => void;
}

interface ResourceOptions<N extends RouteName> {
  readonly every?: number;
  readonly query?: QueryOf<N>;
  readonly isWanted?: boolean;
}

/** The server reads the buckets no more often than this, ms. */
const EVERY = 5000;

/**
 * A resource of the API, read again and again while the tab is visible. Unchanged answers cost no body and no rendering.
 *
 * @param every ms between two reads; 0 to read once
 * @param isWanted false to read nothing yet
 */
export function useResource<N extends RouteName>(
  name: N,
  params: ParamsOf<N>,
  { every = EVERY, query, isWanted = true }: ResourceOptions<N> = {},
): ResourceState<N> {
  const [known, setKnown] = useState<{ readonly key: string; readonly state: Omit<ResourceState<N>, 'reload'> }>();
  const [asked, setAsked] = useState(0);
  const key = JSON.stringify([name, params, query]);
  useEffect(() => {
    if (!isWanted) return;
    const controller = new AbortController();
    const { signal } = controller;
    let etag: string | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const update = (change: Partial<Omit<ResourceState<N>, 'reload'>>) =>
      setKnown((before) => {
        const state = before?.key === key ? before.state : { data: undefined, error: undefined };
        return change.error === state.error && change.data === undefined
          ? before
          : { key, state: { ...state, ...change } };
      });
    const read = async () => {
      clearTimeout(timer);
      try {
        const fetched = await request(name, params, { ...(query !== undefined && { query }), etag, signal });
        if (signal.aborted) return;
        etag = fetched?.etag ?? etag;
        update(fetched ? { data: fetched.data, error: undefined } : { error: undefined });
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        update({ error });
      }
      if (every > 0) timer = setTimeout(shown, every);
    };
    const shown = () => {
      if (every > 0 && !document.hidden) void read();
    };
    document.addEventListener('visibilitychange', shown);
    void read();
    return () => {
      controller.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', shown);
    };
  }, [key, every, asked, isWanted]);
  const state = known?.key === key ? known.state : { data: undefined, error: undefined };
  return { ...state, reload: () => setAsked((count) => count + 1) };
}

interface PartsOptions<N extends RouteName> {
  readonly part: QueryOf<N>;
  readonly whole: QueryOf<N>;
  readonly every?: number;
  readonly isWanted?: boolean;
}

/** Whether a resource was answered, with data or with an error. */
export const isAnswered = ({ data, error }: Pick<ResourceState<RouteName>, 'data' | 'error'>): boolean =>
  data !== undefined || error !== undefined;

/**
 * A resource that takes the server long: a part that is there sooner is shown until all of it is, which is then read again
 * and again. One after the other, so that the part does not wait for the whole.
 */
export function useResourceInParts<N extends RouteName>(
  name: N,
  params: ParamsOf<N>,
  { part, whole, every, isWanted = true }: PartsOptions<N>,
): ResourceState<N> & { readonly isWhole: boolean } {
  const first = useResource(name, params, { every: 0, query: part, isWanted });
  const all = useResource(name, params, {
    query: whole,
    isWanted: isAnswered(first),
    ...(every !== undefined && { every }),
  });
  const isWhole = isAnswered(all);
  return isWhole ? { ...all, isWhole } : { ...first, reload: all.reload, isWhole };
}
