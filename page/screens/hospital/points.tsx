import { useEffect, useState } from 'preact/hooks';
import type { PointSet } from '../../api/hospital/case.ts';
import { Choice } from '../../parts/choice.tsx';
import { Resource } from '../../parts/states.tsx';
import { useResource } from '../../parts/use-resource.ts';
import { useTexts } from '../../text/language.ts';
import { Distance } from '../../viewer/distance.tsx';
import type { NamedPoint } from '../../viewer/layer.ts';
import { PointList } from '../../viewer/point-list.tsx';
import type { Scene } from '../../viewer/scene.ts';
import { Measurements } from './measurements.tsx';

/** Landmarks of the labels, of a pseudo-label stage or of a model, one set at a time, and what they measure. */
export function PointPanels(props: {
  readonly id: string;
  readonly scene: Scene | undefined;
  readonly onShow: (points: readonly NamedPoint[]) => void;
}) {
  const { viewer, hospital } = useTexts();
  const { case: text } = hospital;
  // Reading the class maps costs seconds: only once.
  const state = useResource('sitePoints', { case: props.id }, { every: 0 });
  return (
    <section class="panel">
      <h2>{viewer.points}</h2>
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
  const found = set?.points.filter((point): point is typeof point & NamedPoint => point.position !== null) ?? [];
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
      <PointList points={set.points} scene={scene} />
      {set.unreadable.map((reason) => (
        <p key={reason} class="stale">
          {reason}
        </p>
      ))}
      <Measurements measurements={set.measurements} />
      <Distance key={JSON.stringify([set.from, set.origin])} points={set.points} />
    </>
  );
}
