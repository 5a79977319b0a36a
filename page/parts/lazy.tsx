import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Area } from '../areas.ts';
import { ApiError } from '../client.ts';
import type { ScreenProps } from '../screen.ts';
import { Failure, Loading } from './states.tsx';

type Loaded = { readonly area: Area; readonly Screen?: ComponentType<ScreenProps>; readonly error?: ApiError };

/** A screen whose code is loaded when it is first shown. */
export function LazyScreen({ area, ...props }: { readonly area: Area } & ScreenProps) {
  const [loaded, setLoaded] = useState<Loaded>();
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let isLeft = false;
    const show = (result: Omit<Loaded, 'area'>) => {
      // Code that comes after the screen was left must not take the next one away.
      if (!isLeft) setLoaded({ area, ...result });
    };
    area.load().then(
      ({ Screen }) => show({ Screen }),
      (error: unknown) => show({ error: new ApiError(0, { code: 'UNREACHABLE', message: String(error) }) }),
    );
    return () => {
      isLeft = true;
    };
  }, [area, attempt]);
  if (loaded?.area !== area) return <Loading />;
  const { Screen, error } = loaded;
  if (error) return <Failure error={error} onRetry={() => setAttempt(attempt + 1)} />;
  return Screen ? <Screen {...props} /> : <Loading />;
}
