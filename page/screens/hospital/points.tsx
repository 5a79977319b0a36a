import { useEffect, useState } from 'preact/hooks';
import type { PointSet } from '../../api/hospital/case.ts';
import { Resource } from '../../parts/states.tsx';
import { useResource } from '../../parts/use-resource.ts';
import { useTexts } from '../../text/language.ts';
import { Choice } from './choice.tsx';
import { Measurements } from './measurements.tsx';
import type { NamedPoint, Scene } from './viewer/scene.ts';

/** Landmarks of the labels, of a pseudo-label stage or of a model, one set at a time, and what they measure. */
export function PointPanels(props: {
  readonly id: string;
  readonly scene: Scene | undefined;
  readonly onShow: (points: readonly NamedPoint[]) => void;
}) {
  const { case: text } = useTexts().hospital;
  // Reading the class maps costs seconds: only once.
  const state = useResource('sitePoints', { case: props.id }, { every: 0 });
  return (
    <section class="panel">
      <h2>{text.points}</h2>
      <Resource<'sitePoints'> state={state}>
        {({ sets }) => (sets.length === 0 ? <p class="quiet">{text.noPoints}</p> : <Sets sets={sets} {...props} />)}
      </Resource>
    </section>
  );
}

function Sets(props: {
  readonly sets: readonly PointSet[];
  readonly scene: Scene | undefined;
  readonly onShow: (points: readonly NamedPoint[]) => void;
}) {
  const { case: text } = useTexts().hospital;
  const { sets, scene, onShow } = props;
  const [chosen, setChosen] = useState(0);
  const set = sets[chosen] ?? sets[0];
  const found = set?.points.filter((point): point is NamedPoint => point.position !== null) ?? [];
  useEffect(() => onShow(found), [set]);
  if (!set) return null;
  const titleOf = ({ from, origin }: PointSet) =>
    `${text.from[from]}${origin ? `: ${text.of(origin.stage, origin.campaign)}` : ''}`;
  return (
    <>
      {sets.length > 1 ? (
        <Choice
          label={text.source}
          options={sets.map((one, index) => [String(index), titleOf(one)])}
          value={String(chosen)}
          onChoose={(index) => setChosen(Number(index ?? 0))}
        />
      ) : (
        <p class="quiet">{titleOf(set)}</p>
      )}
      <ul class="points">
        {set.points.map(({ title, position }) => (
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
      {set.unreadable.map((reason) => (
        <p key={reason} class="stale">
          {reason}
        </p>
      ))}
      <Measurements set={set} />
    </>
  );
}
