import { useTexts } from '../text/language.ts';
import type { NamedPoint } from './layer.ts';
import type { Scene } from './scene.ts';
import { Swatch } from './swatch.tsx';

/** A landmark that was found, or was not. */
export type ListedPoint = Omit<NamedPoint, 'position'> & { readonly position: NamedPoint['position'] | null };

/** Landmarks, each leading to its place on the CT. Missing ones stay in the list. */
export function PointList(props: { readonly points: readonly ListedPoint[]; readonly scene: Scene | undefined }) {
  const { viewer: text } = useTexts();
  const { points, scene } = props;
  return (
    <ul class="points">
      {points.map(({ title, colour, position }) => (
        <li key={title}>
          {position ? (
            <button type="button" disabled={!scene} title={text.go(title)} onClick={() => scene?.goTo(position)}>
              <Swatch colour={colour} /> {title}
            </button>
          ) : (
            <span class="quiet">
              {title}: {text.missing}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}
