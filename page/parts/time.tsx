import { useEffect, useState } from 'preact/hooks';
import { useFormats } from './format.ts';

/** The clock to a few seconds, so that relative times stay true. */
export function useNow(everyMs = 10_000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** An instant: relative, with the full one as a tooltip; or in full. In the viewer's zone. */
export function Time({ iso, full = false }: { readonly iso: string; readonly full?: boolean }) {
  const { instant, relative } = useFormats();
  const now = useNow();
  return (
    <time dateTime={iso} title={full ? relative(iso, now) : instant(iso)}>
      {full ? instant(iso) : relative(iso, now)}
    </time>
  );
}
