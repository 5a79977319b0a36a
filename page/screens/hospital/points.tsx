import { useEffect, useState } from 'preact/hooks';
import type { Finding, PointSet } from '../../api/hospital/case.ts';
import { Choice } from '../../parts/choice.tsx';
import { Resource } from '../../parts/states.tsx';
import { useTitles } from '../../parts/titles.ts';
import { useResource } from '../../parts/use-resource.ts';
import { useTexts } from '../../text/language.ts';
import { colourOf, firstColours } from '../../viewer/colours.ts';
import { Distance } from '../../viewer/distance.tsx';
import type { NamedPoint } from '../../viewer/layer.ts';
import { type ListedPoint, PointList } from '../../viewer/point-list.tsx';
import type { Scene } from '../../viewer/scene.ts';
import { Measurements } from './measurements.tsx';

/** Landmarks of the labels, of a pseudo-label stage or of a model, one set at a time, and what they measure. */
export function PointPanels(props: {
  readonly id: string;
  /** The layers of the case: a point has the colour of its class there. */
  readonly findings: readonly Finding[];
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
  readonly findings: readonly Finding[];
  readonly scene: Scene | undefined;
  readonly onShow: (points: readonly NamedPoint[]) => void;
}) {
  const { case: text } = useTexts().hospital;
  const { sets, findings, scene, onShow } = props;
  const [chosen, setChosen] = useState(0);
  const set = sets[chosen] ?? sets[0];
  const translated = useTitles();
  const points = set ? colouredPoints(set, findings).map((one) => ({ ...one, title: translated(one.title) })) : [];
  const found = points.filter((point): point is NamedPoint => point.position !== null);
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
      <PointList points={points} scene={scene} />
      {set.unreadable.map((reason) => (
        <p key={reason} class="stale">
          {reason}
        </p>
      ))}
      <Measurements measurements={set.measurements} />
      <Distance key={JSON.stringify([set.from, set.origin])} points={points} />
    </>
  );
}

/** The points of a set, in the colours that their classes have in the list of layers. */
function colouredPoints({ from, origin, points }: PointSet, findings: readonly Finding[]): readonly ListedPoint[] {
  const first = firstColours(findings);
  const place = JSON.stringify([from, origin]);
  return points.map(({ task, label, title, position }) => {
    const layer = findings.find((one) => one.task === task && JSON.stringify([one.from, one.origin]) === place);
    return { title, position, colour: colourOf((layer && first.get(layer.id)) ?? 0, label) };
  });
}
