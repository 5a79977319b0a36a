import { useState } from 'preact/hooks';
import type { PointSet } from '../../api/hospital/case.ts';
import { useFormats } from '../../parts/format.ts';
import { useTexts } from '../../text/language.ts';
import { Choice } from './choice.tsx';

type Position = readonly [number, number, number];

/** What a set of landmarks measures, and the distance of any two of them. */
export function Measurements({ set }: { readonly set: PointSet }) {
  const { case: text } = useTexts().hospital;
  const { number } = useFormats();
  return (
    <>
      {set.measurements.length > 0 && (
        <>
          <h3>{text.measurements}</h3>
          <dl class="facts measures">
            {set.measurements.flatMap(({ id, title, unit, value, reason, doubts }) => [
              <dt key={id}>{text.names[id] ?? title}</dt>,
              <dd key={`${id} value`}>
                {value === null ? (
                  <span class="quiet">– {reason}</span>
                ) : (
                  <span class="whole">{`${number(value)} ${unit}`}</span>
                )}
                {doubts.length > 0 && (
                  <span class="reason">
                    {text.doubtful}: {doubts.join('; ')}
                  </span>
                )}
              </dd>,
            ])}
          </dl>
        </>
      )}
      <Distance key={JSON.stringify([set.from, set.origin])} set={set} />
    </>
  );
}

function Distance({ set: { points } }: { readonly set: PointSet }) {
  const { case: text } = useTexts().hospital;
  const { number } = useFormats();
  const found = points.filter(({ position }) => position !== null);
  const [from, setFrom] = useState(found[0]?.title);
  const [to, setTo] = useState(found[1]?.title);
  if (found.length < 2) return null;
  const positionOf = (title: string | undefined) =>
    found.find((point) => point.title === title)?.position as Position | undefined;
  const [a, b] = [positionOf(from), positionOf(to)];
  const options = found.map(({ title }) => [title, title] as const);
  return (
    <fieldset class="distance">
      <legend>{text.measure}</legend>
      <Choice label={text.fromPoint} options={options} value={from} onChoose={setFrom} />
      <Choice label={text.toPoint} options={options} value={to} onChoose={setTo} />
      <output>{a && b ? text.distance(number(distanceOf(a, b))) : '–'}</output>
    </fieldset>
  );
}

/** mm. */
const distanceOf = (a: Position, b: Position): number => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
