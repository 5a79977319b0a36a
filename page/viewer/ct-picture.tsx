import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../client.ts';
import { useFormats } from '../parts/format.ts';
import { Progress } from '../parts/progress.tsx';
import { Failure } from '../parts/states.tsx';
import { useTexts } from '../text/language.ts';
import { fetchVolume, type Loaded } from './fetch-volume.ts';
import type { NamedPoint } from './layer.ts';
import { PictureTools } from './picture-tools.tsx';
import type { Place, Scene } from './scene.ts';
import { Swatch } from './swatch.tsx';
import './viewer.css';
import { WINDOWS } from './windows.ts';

/** Voxels by which a key moves: to the right, forward, up. */
const MOVES: Readonly<Record<string, readonly [number, number, number]>> = {
  ArrowLeft: [-1, 0, 0],
  ArrowRight: [1, 0, 0],
  ArrowUp: [0, 1, 0],
  ArrowDown: [0, -1, 0],
  PageUp: [0, 0, 1],
  PageDown: [0, 0, -1],
};

const hasWebgl = (): boolean => document.createElement('canvas').getContext('webgl2') !== null;

/** A CT in three planes and as a volume. */
export function CtPicture(props: {
  /** Where its file is. */
  readonly address: string;
  readonly points: readonly NamedPoint[];
  readonly onScene: (scene: Scene | undefined) => void;
}) {
  const { viewer: text } = useTexts();
  const formats = useFormats();
  const { address, points, onScene } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [isAble] = useState(hasWebgl);
  const [scene, setScene] = useState<Scene>();
  const [loaded, setLoaded] = useState<Loaded>();
  const [place, setPlace] = useState<Place>();
  const [error, setError] = useState<ApiError>();
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    if (!isAble) return;
    const controller = new AbortController();
    const { signal } = controller;
    let open: Scene | undefined;
    const load = async () => {
      // The viewer is larger than the whole page: it is loaded with the first CT.
      const [{ openScene }, ct] = await Promise.all([import('./scene.ts'), fetchVolume(address, signal, setLoaded)]);
      if (signal.aborted || !canvas.current) return;
      open = await openScene(canvas.current, ct, WINDOWS.heart, setPlace);
      if (signal.aborted) return open.close();
      setScene(open);
      onScene(open);
    };
    setError(undefined);
    load().catch((thrown: unknown) => {
      if (signal.aborted) return;
      setError(thrown instanceof ApiError ? thrown : new ApiError(0, { code: 'CANNOT_DRAW', message: String(thrown) }));
    });
    return () => {
      controller.abort();
      onScene(undefined);
      setScene(undefined);
      open?.close();
    };
  }, [address, isAble, attempt]);

  useEffect(() => scene?.setPoints(points), [scene, points]);

  const near = place && nearestPoint(points, place);

  if (!isAble) {
    return (
      <p class="stale" role="alert">
        {text.noWebgl} {text.noWebglHint}
      </p>
    );
  }
  if (error) return <Failure error={error} onRetry={() => setAttempt(attempt + 1)} />;
  return (
    <>
      <PictureTools scene={scene} />
      <div class="picture">
        <canvas
          ref={canvas}
          tabIndex={0}
          aria-label={text.viewer}
          aria-describedby="picture-keys"
          onKeyDown={(event) => {
            const move = MOVES[event.key];
            if (!move || !scene) return;
            event.preventDefault();
            event.stopPropagation();
            scene.move(...move);
          }}
        />
        {!scene && (
          <div class="picture-state" role="status">
            {loaded === undefined || loaded.done < loaded.total ? (
              <Progress
                done={loaded?.done ?? 0}
                total={loaded?.total ?? 1}
                label={text.loading(formats.bytes(loaded?.done ?? 0), formats.bytes(loaded?.total ?? 0))}
              />
            ) : (
              text.drawing
            )}
          </div>
        )}
      </div>
      <p class="picture-place">
        {near && (
          <>
            <Swatch colour={near.colour} /> {text.near(near.title, near.mm.toFixed(1))} ·{' '}
          </>
        )}
        {place && text.at(place.mm.map((value) => value.toFixed(1)).join(' / '), huText(place))}
      </p>
      <p class="quiet" id="picture-keys">
        {text.keys}
      </p>
    </>
  );
}

/** The landmark next to a place, and how far away it is, mm. */
function nearestPoint(points: readonly NamedPoint[], { mm: [x, y, z] }: Place) {
  const away = points.map(({ title, colour, position }) => {
    return { title, colour, mm: Math.hypot(position[0] - x, position[1] - y, position[2] - z) };
  });
  return away.toSorted((a, b) => a.mm - b.mm)[0];
}

const huText = ({ hu }: Place): string => (hu === undefined ? '– HU' : `${Math.round(hu)} HU`);
