import { useTexts } from '../text/language.ts';
import type { NamedPoint } from './layer.ts';
import type { Scene } from './scene.ts';

/** Landmarks, each leading to its place on the CT. Missing ones stay in the list. */
export function PointList(props: {
  readonly points: readonly { readonly title: string; readonly position: NamedPoint['position'] | null }[];
  readonly scene: Scene | undefined;
}) {
  const { viewer: text } = useTexts();
  const { points, scene } = props;
  return (
    <ul class="points">
      {points.map(({ title, position }) => (
        <li key={title}>
          {position ? (
            <button type="button" disabled={!scene} title={text.go(title)} onClick={() => scene?.goTo(position)}>
              {title}
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
