import { useEffect, useRef, useState } from 'preact/hooks';
import type { Chain } from '../../api/chain.ts';
import { type Documents, keysOf, type ReadDocument } from './links.ts';
import { readDocuments } from './read-documents.ts';

/** How often what was read is shown while it is read, ms. */
const SHOW_EVERY = 200;

/** The documents of a chain as far as they are read. New ones are read when the chain grows. */
export function useChainDocuments(campaign: string, chain: Chain | undefined, attempt: number): Documents {
  const known = useRef(new Map<string, ReadDocument | undefined>());
  const [shown, setShown] = useState<Documents>(known.current);
  const keys = chain ? keysOf(chain).join('\n') : '';
  useEffect(() => {
    known.current = new Map();
    setShown(known.current);
  }, [campaign, attempt]);
  useEffect(() => {
    if (keys === '') return;
    const controller = new AbortController();
    const show = () => setShown(new Map(known.current));
    const timer = setInterval(show, SHOW_EVERY);
    const wanted = keys.split('\n').filter((key) => known.current.get(key) === undefined);
    void readDocuments(campaign, wanted, controller.signal, (key, document) => known.current.set(key, document)).then(
      () => {
        clearInterval(timer);
        if (!controller.signal.aborted) show();
      },
    );
    return () => {
      controller.abort();
      clearInterval(timer);
    };
  }, [campaign, keys, attempt]);
  return shown;
}
