import { useState } from 'preact/hooks';
import { Choice } from '../parts/choice.tsx';
import { useFormats } from '../parts/format.ts';
import { useTexts } from '../text/language.ts';
import type { NamedPoint } from './layer.ts';

type Position = NamedPoint['position'];

interface Point {
  readonly title: string;
  readonly position: Position | null;
}

/** The distance of any two landmarks. */
export function Distance({ points }: { readonly points: readonly Point[] }) {
  const { viewer: text } = useTexts();
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
