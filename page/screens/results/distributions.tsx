import { linearScale, ticks } from '../../../lib/report/scale.ts';
import type { Distribution, Results } from '../../api/results.ts';
import { useFormats } from '../../parts/format.ts';
import { useTitles } from '../../parts/titles.ts';
import { useTexts } from '../../text/language.ts';
import { stepPath } from './steps.ts';

/** Units of the drawing. */
const SIZE = { width: 640, height: 240 };
const FRAME = { left: 48, right: 16, top: 12, bottom: 40 };
/** Errors beyond this are not drawn, mm: they are in the table. */
const FARTHEST_MM = 20;

const STYLES = ['--line-1', '--line-2', '--line-3', '--line-4', '--line-5', '--line-6', '--line-7'];
const DASHES = ['none', '7 4', '2 4', '11 4 2 4'];

/**
 * Share of all points within a distance, or of all cases up to a Dice. A line that ends below 100 % shows missing points: they
 * are never near.
 */
export function Distributions(props: {
  readonly task: Results['tasks'][number];
  readonly withinMm: number;
  readonly lines: readonly { readonly title: string; readonly distribution: Distribution }[];
}) {
  const { task, withinMm, lines } = props;
  const titleOf = useTitles();
  const { results: text } = useTexts();
  const { percent, fixed } = useFormats();
  const isLandmarks = task.kind === 'landmarks';
  const x = linearScale([0, isLandmarks ? FARTHEST_MM : 1], [FRAME.left, SIZE.width - FRAME.right]);
  const y = linearScale([0, 1], [SIZE.height - FRAME.bottom, FRAME.top]);
  const axis = isLandmarks ? text.errorAxis : text.diceAxis;
  return (
    <figure class="distribution">
      <figcaption class="quiet">{isLandmarks ? text.pointDistribution : text.caseDistribution}</figcaption>
      <svg viewBox={`0 0 ${SIZE.width} ${SIZE.height}`} role="img" aria-label={`${titleOf(task.title)}: ${axis}`}>
        {ticks([0, 1], 4).map((share) => (
          <g key={share}>
            <line class="rule" x1={FRAME.left} x2={SIZE.width - FRAME.right} y1={y(share)} y2={y(share)} />
            <text x={FRAME.left - 6} y={y(share) + 4} text-anchor="end">
              {percent(share)}
            </text>
          </g>
        ))}
        {ticks(x.domain, 5).map((value) => (
          <text key={value} x={x(value)} y={SIZE.height - FRAME.bottom + 16} text-anchor="middle">
            {fixed(value, isLandmarks ? 0 : 1)}
          </text>
        ))}
        {isLandmarks && <line class="limit" x1={x(withinMm)} x2={x(withinMm)} y1={FRAME.top} y2={y(0)} />}
        <text x={(FRAME.left + SIZE.width) / 2} y={SIZE.height - 4} text-anchor="middle">
          {axis}
        </text>
        {lines.map(({ title, distribution }, index) => (
          <path key={title} d={stepPath(distribution, x, y)} style={styleOf(index)} />
        ))}
      </svg>
      <ul class="legend">
        {lines.map(({ title, distribution: { n, without } }, index) => (
          <li key={title}>
            <svg class="sample" width="36" height="8" aria-hidden="true">
              <path d="M0 4H36" style={styleOf(index)} />
            </svg>
            {title}: {isLandmarks ? text.missingOf(without, n + without) : text.withoutDice(without, n + without)}
          </li>
        ))}
      </ul>
    </figure>
  );
}

const styleOf = (index: number) => ({
  stroke: `var(${STYLES[index % STYLES.length]})`,
  strokeDasharray: DASHES[index % DASHES.length] as string,
});
