import { useEffect, useRef, useState } from 'preact/hooks';
import { useFormats } from '../../parts/format.ts';
import { useTexts } from '../../text/language.ts';
import { markOf, toneOf } from './cell-mark.tsx';
import { cellAt, type GridColumn } from './columns.ts';

/** A cell: index in the campaign's sites, and in the columns. */
export interface Position {
  readonly site: number;
  readonly column: number;
}

/** Height of a row, CSS pixels; as in campaign.css. */
const ROW = 28;
/** Rows that are drawn above and below what is visible. */
const AHEAD = 6;
/** Rows that PageUp and PageDown move. */
const PAGE = 10;

const MOVES: Readonly<Record<string, readonly [rows: number, columns: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  PageUp: [-PAGE, 0],
  PageDown: [PAGE, 0],
  Home: [0, -Infinity],
  End: [0, Infinity],
};

const within = (value: number, length: number): number => Math.min(length - 1, Math.max(0, value));

/** Only the rows that are visible are in the document: a campaign may have a thousand sites. */
export function GridTable(props: {
  readonly columns: readonly GridColumn[];
  readonly sites: readonly string[];
  /** Indices of the sites that are shown. */
  readonly rows: readonly number[];
  readonly nameOf: (site: string) => string;
  readonly chosen: Position | undefined;
  readonly onChoose: (at: Position) => void;
}) {
  const { columns, sites, rows, nameOf, chosen, onChoose } = props;
  const text = useTexts();
  const scroller = useRef<HTMLDivElement>(null);
  const [visible, setVisible] = useState({ first: 0, count: 24 });

  const measure = () => {
    const element = scroller.current;
    if (!element) return;
    const first = Math.max(0, Math.floor(element.scrollTop / ROW) - AHEAD);
    const count = Math.ceil(element.clientHeight / ROW) + 2 * AHEAD;
    setVisible((before) => (before.first === first && before.count === count ? before : { first, count }));
  };
  useEffect(measure, [rows.length]);

  function move(event: KeyboardEvent) {
    const step = MOVES[event.key];
    if (!step) return;
    event.preventDefault();
    const row = rows.indexOf(chosen?.site ?? -1);
    const site = rows[within((row < 0 ? 0 : row) + (chosen ? step[0] : 0), rows.length)];
    if (site === undefined) return;
    const column = within((chosen?.column ?? 0) + (chosen ? step[1] : 0), columns.length);
    onChoose({ site, column });
    requestAnimationFrame(() =>
      document.getElementById(idOf({ site, column }))?.scrollIntoView({ block: 'nearest', inline: 'nearest' }),
    );
    const element = scroller.current;
    const top = rows.indexOf(site) * ROW;
    if (element && (top < element.scrollTop || top > element.scrollTop + element.clientHeight - 4 * ROW)) {
      element.scrollTop = top - element.clientHeight / 2;
    }
  }

  return (
    <div
      class="grid"
      role="grid"
      aria-labelledby="grid"
      aria-rowcount={rows.length + 2}
      aria-colcount={columns.length + 1}
      aria-activedescendant={chosen && idOf(chosen)}
      tabIndex={0}
      ref={scroller}
      onScroll={measure}
      onKeyDown={move}
    >
      <Heads columns={columns} />
      <div role="rowgroup" class="grid-body" style={{ height: `${rows.length * ROW}px` }}>
        {rows.slice(visible.first, visible.first + visible.count).map((site, offset) => (
          <div
            key={site}
            role="row"
            class="grid-row"
            aria-rowindex={visible.first + offset + 3}
            style={{ top: `${(visible.first + offset) * ROW}px` }}
          >
            <span role="rowheader" class="grid-site" title={sites[site]}>
              {nameOf(sites[site] ?? '')}
            </span>
            {columns.map((column, index) => {
              const state = cellAt(column, site);
              const isChosen = chosen?.site === site && chosen.column === index;
              return (
                <span
                  key={`${column.stage.name}/${column.round.round}`}
                  id={idOf({ site, column: index })}
                  role="gridcell"
                  aria-selected={isChosen}
                  aria-label={text.cells[state]}
                  class={`${cellClass(columns, index)} mark-${toneOf(state)}${isChosen ? ' chosen' : ''}`}
                  title={text.cells[state]}
                  onClick={() => onChoose({ site, column: index })}
                >
                  {markOf(state)}
                </span>
              );
            })}
          </div>
        ))}
      </div>
    </div>
  );
}

const idOf = ({ site, column }: Position): string => `cell-${site}-${column}`;

/** The first column of a stage is set off; a stage's only columns are wide enough for its name. */
function cellClass(columns: readonly GridColumn[], index: number): string {
  const { stage } = columns[index] as GridColumn;
  const isFirst = columns[index - 1]?.stage !== stage;
  const width = stage.rounds.length === 1 ? ' wide' : stage.rounds.length < 4 ? ' half' : '';
  return `grid-cell${isFirst ? ' first' : ''}${width}`;
}

/** Names of stages above the numbers of their rounds, and the share of cases that each round merged. */
function Heads({ columns }: { readonly columns: readonly GridColumn[] }) {
  const { campaign: text } = useTexts();
  const { percent } = useFormats();
  return (
    <div role="rowgroup" class="grid-head">
      <div role="row" class="grid-heads">
        <span role="columnheader" class="grid-site">
          {text.site}
        </span>
        {columns.map((column, index) => {
          const { stage, round } = column;
          const isFirst = columns[index - 1]?.stage !== stage;
          return (
            <span
              key={`${stage.name}/${round.round}`}
              role="columnheader"
              class={cellClass(columns, index)}
              title={text.stageRound(stage.name, round.round)}
            >
              {isFirst && (
                <span class="grid-stage" aria-hidden="true">
                  {stage.name}
                </span>
              )}
              <span class="hidden">{text.stageRound(stage.name, round.round)}</span>
              <span aria-hidden="true">{round.round}</span>
            </span>
          );
        })}
      </div>
      <div role="row" class="grid-shares">
        <span role="rowheader" class="grid-site">
          {text.share}
        </span>
        {columns.map(({ stage, round }, index) => (
          <span key={`${stage.name}/${round.round}`} role="gridcell" class={cellClass(columns, index)}>
            {round.caseShare === undefined ? '' : percent(round.caseShare).replace(/\s?%/, '')}
          </span>
        ))}
      </div>
    </div>
  );
}
