import type { StageView } from '../../api/campaign.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { useFormats } from '../../parts/format.ts';
import { useTexts } from '../../text/language.ts';
import { placeStages } from './layout.ts';

/** Sizes in CSS pixels. */
const CARD = { width: 224, height: 84 };
const GAP = { x: 44, y: 14 };

const TONES: Readonly<Record<StageView['phase'], Tone>> = { waiting: 'neutral', running: 'active', completed: 'good' };

/** Stages from left to right, with a line from each to those that wait for it. A list where there is no room for it. */
export function StageGraph({ stages }: { readonly stages: readonly StageView[] }) {
  const { campaign: text } = useTexts();
  const placed = placeStages(stages);
  const at = new Map(placed.map((one) => [one.stage.name, one]));
  const width = Math.max(...placed.map(({ column }) => column + 1)) * (CARD.width + GAP.x) - GAP.x;
  const height = Math.max(...placed.map(({ row }) => row + 1)) * (CARD.height + GAP.y) - GAP.y;
  const x = (column: number) => column * (CARD.width + GAP.x);
  const y = (row: number) => row * (CARD.height + GAP.y);
  return (
    <section aria-labelledby="stages">
      <h2 id="stages">{text.stages}</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard */}
      <section class="graph" tabIndex={0} aria-label={text.stageGraph}>
        <div class="graph-plane" style={{ '--plane-width': `${width}px`, '--plane-height': `${height}px` }}>
          <svg width={width} height={height} aria-hidden="true">
            {placed.flatMap(({ stage, column, row }) =>
              stage.after.flatMap((name) => {
                const from = at.get(name);
                if (!from) return [];
                const [x1, y1] = [x(from.column) + CARD.width, y(from.row) + CARD.height / 2];
                const [x2, y2] = [x(column), y(row) + CARD.height / 2];
                const bend = x2 - GAP.x / 2;
                return [
                  <path
                    key={`${name} ${stage.name}`}
                    d={`M${x1} ${y1}H${bend - 12}C${bend} ${y1} ${bend} ${y2} ${bend + 12} ${y2}H${x2}`}
                  />,
                ];
              }),
            )}
          </svg>
          <ol>
            {placed.map(({ stage, column, row }) => (
              <li key={stage.name} style={{ left: `${x(column)}px`, top: `${y(row)}px` }}>
                <StageCard stage={stage} />
              </li>
            ))}
          </ol>
        </div>
      </section>
    </section>
  );
}

function StageCard({ stage }: { readonly stage: StageView }) {
  const text = useTexts();
  const { list } = useFormats();
  const { done, total } = stage;
  const isShort = stage.phase === 'completed' && done < total;
  return (
    <>
      <strong title={stage.name}>{stage.name}</strong>
      <span class="quiet">
        {text.kinds[stage.kind]}, {(isShort ? text.campaign.stoppedEarly : text.campaign.stageRounds)(done, total)}
      </span>
      <Badge tone={TONES[stage.phase]}>{text.stagePhases[stage.phase]}</Badge>
      {stage.after.length > 0 && <span class="quiet graph-after">{text.campaign.after(list(stage.after))}</span>}
    </>
  );
}
