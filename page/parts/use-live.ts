import { useEffect, useState } from 'preact/hooks';
import type { ResponseOf } from '../api/schemas.ts';
import { ApiError, request } from '../client.ts';

/** Resources that answer when there is something newer. */
type LiveName = 'upload' | 'readiness' | 'predictions';

const PAUSE_MS = 3000;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves when the tab is visible, or the signal says to stop. */
function visible(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const ended = new AbortController();
    const check = () => {
      if (document.hidden && !signal.aborted) return;
      ended.abort();
      resolve();
    };
    document.addEventListener('visibilitychange', check, { signal: ended.signal });
    signal.addEventListener('abort', check, { signal: ended.signal });
  });
}

/** A resource of which every change is shown at once: the next request is answered when there is one. Hidden tabs ask nothing. */
export function useLive<N extends LiveName>(name: N) {
  const [data, setData] = useState<ResponseOf<N, Blob>>();
  const [error, setError] = useState<ApiError>();
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const follow = async () => {
      let after: number | undefined;
      for (let asked = Date.now(); !signal.aborted; asked++) {
        await visible(signal);
        if (signal.aborted) return;
        try {
          const query = after === undefined ? { asked } : { after, asked };
          const fetched = await request<LiveName>(name, {}, { query, signal });
          if (signal.aborted || !fetched) continue;
          after = fetched.data.version;
          setData(fetched.data as ResponseOf<N, Blob>);
          setError(undefined);
        } catch (thrown) {
          if (signal.aborted) return;
          if (!(thrown instanceof ApiError)) throw thrown;
          setError(thrown);
          after = undefined;
          await sleep(PAUSE_MS);
        }
      }
    };
    void follow();
    return () => controller.abort();
  }, [name]);
  return { data, error };
}
