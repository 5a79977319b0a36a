import { useEffect, useRef, useState } from 'preact/hooks';
import type { Case } from '../../api/hospital/case.ts';
import { ApiError } from '../../client.ts';
import { useFormats } from '../../parts/format.ts';
import { Progress } from '../../parts/progress.tsx';
import { Failure } from '../../parts/states.tsx';
import { useTexts } from '../../text/language.ts';
import { PictureTools } from './picture-tools.tsx';
import { fetchVolume } from './viewer/fetch-volume.ts';
import type { NamedPoint, Place, Scene } from './viewer/scene.ts';
import { WINDOWS } from './viewer/windows.ts';

type Image = NonNullable<Case['image']>;

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

/** The CT in three planes and as a volume. */
export function CasePicture(props: {
  readonly image: Image;
  readonly points: readonly NamedPoint[];
  readonly onScene: (scene: Scene | undefined) => void;
}) {
  const { case: text } = useTexts().hospital;
  const formats = useFormats();
  const { image, points, onScene } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [isAble] = useState(hasWebgl);
  const [scene, setScene] = useState<Scene>();
  const [loaded, setLoaded] = useState<number>();
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
      const [{ openScene }, ct] = await Promise.all([
        import('./viewer/scene.ts'),
        fetchVolume(image.key, signal, setLoaded),
      ]);
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
  }, [image.key, isAble, attempt]);

  useEffect(() => scene?.setPoints(points), [scene, points]);

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
      <PictureTools scene={scene} image={image} />
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
            {loaded === undefined || loaded < image.bytes ? (
              <Progress
                done={loaded ?? 0}
                total={image.bytes}
                label={text.loading(formats.bytes(loaded ?? 0), formats.bytes(image.bytes))}
              />
            ) : (
              text.drawing
            )}
          </div>
        )}
      </div>
      <p class="picture-place">
        {place && text.at(place.mm.map((value) => value.toFixed(1)).join(' / '), huText(place))}
      </p>
      <p class="quiet" id="picture-keys">
        {text.keys}
      </p>
    </>
  );
}

const huText = ({ hu }: Place): string => (hu === undefined ? '– HU' : `${Math.round(hu)} HU`);
