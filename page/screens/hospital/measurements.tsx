import type { PointSet } from '../../api/hospital/case.ts';
import { doubtText } from '../../parts/doubts.ts';
import { useFormats } from '../../parts/format.ts';
import { useTexts } from '../../text/language.ts';

/** What a set of landmarks measures. */
export function Measurements({ measurements }: Pick<PointSet, 'measurements'>) {
  const { hospital, measured } = useTexts();
  const { case: text } = hospital;
  const { number } = useFormats();
  if (measurements.length === 0) return null;
  return (
    <>
      <h3>{text.measurements}</h3>
      <dl class="facts measures">
        {measurements.flatMap(({ id, title, unit, value, reason = '', doubts }) => [
          <dt key={id}>{measured.names[id] ?? title}</dt>,
          <dd key={`${id} value`}>
            {value === null ? (
              <span class="quiet">– {doubtText(reason, measured)}</span>
            ) : (
              <span class="whole">{`${number(value)} ${unit}`}</span>
            )}
            {doubts.length > 0 && (
              <span class="reason">
                {text.doubtful}: {doubts.map((doubt) => doubtText(doubt, measured)).join('; ')}
              </span>
            )}
          </dd>,
        ])}
      </dl>
    </>
  );
}
