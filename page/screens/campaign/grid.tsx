import { useMemo, useState } from 'preact/hooks';
import type { CampaignView } from '../../api/campaign.ts';
import { CELL_STATES } from '../../api/cells.ts';
import { Choice } from '../../parts/choice.tsx';
import { useFormats } from '../../parts/format.ts';
import { useTexts } from '../../text/language.ts';
import { CellMark, EXCLUDED, STATES } from './cell-mark.tsx';
import { cellAt, columnsOf, type GridColumn, noteAt, shownSites } from './columns.ts';
import { GridTable, type Position } from './grid-table.tsx';

/** Sites above which they can be searched and filtered. */
const MANY = 12;

/** What became of each site in each round. */
export function Grid(props: {
  readonly view: CampaignView;
  readonly names: readonly { readonly id: string; readonly name: string }[];
}) {
  const { view, names } = props;
  const text = useTexts();
  const [search, setSearch] = useState('');
  const [onlyExcluded, setOnlyExcluded] = useState(false);
  const [chosen, setChosen] = useState<Position>();
  const columns = useMemo(() => columnsOf(view), [view]);
  const byId = useMemo(() => new Map(names.map(({ id, name }) => [id, name])), [names]);
  const nameOf = (site: string) => byId.get(site) ?? site;
  const isShown = onlyExcluded ? EXCLUDED.has.bind(EXCLUDED) : undefined;
  const rows = useMemo(() => shownSites(view, { text: search, isShown }, nameOf), [view, search, onlyExcluded, byId]);
  const states = useMemo(() => new Set<string>(columns.flatMap(({ round }) => [...round.cells])), [columns]);
  return (
    <section aria-labelledby="grid">
      <h2 id="grid">{text.campaign.grid}</h2>
      {columns.length === 0 ? (
        <p class="quiet">{text.campaign.noRounds}</p>
      ) : (
        <>
          {view.sites.length > MANY && (
            <div class="filters">
              <label>
                <span class="hidden">{text.campaign.findSite}</span>
                <input
                  type="search"
                  placeholder={text.campaign.findSite}
                  value={search}
                  onInput={({ currentTarget }) => setSearch(currentTarget.value)}
                />
              </label>
              <Choice
                label={text.campaign.showSites}
                isPlain
                options={[
                  ['false', text.campaign.allSites],
                  ['true', text.campaign.excludedSites],
                ]}
                value={String(onlyExcluded)}
                onChoose={(value) => setOnlyExcluded(value === 'true')}
              />
              <span class="quiet" role="status">
                {text.campaign.shownSites(rows.length, view.sites.length)}
              </span>
            </div>
          )}
          <GridTable
            columns={columns}
            sites={view.sites}
            rows={rows}
            nameOf={nameOf}
            chosen={chosen}
            onChoose={setChosen}
          />
          <p class="cell-detail" role="status">
            {chosen ? <Detail view={view} columns={columns} at={chosen} nameOf={nameOf} /> : text.campaign.gridHelp}
          </p>
          <ul class="legend">
            {STATES.filter((state) => state !== 'not asked' && states.has(CELL_STATES[state])).map((state) => (
              <li key={state}>
                <CellMark state={state} /> {text.cells[state]}
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Detail(props: {
  readonly view: CampaignView;
  readonly columns: readonly GridColumn[];
  readonly at: Position;
  readonly nameOf: (site: string) => string;
}) {
  const { view, columns, at, nameOf } = props;
  const text = useTexts();
  const { percent } = useFormats();
  const column = columns[at.column];
  const site = view.sites[at.site];
  if (!column || site === undefined) return null;
  const { stage, round } = column;
  const state = cellAt(column, at.site);
  const note = noteAt(column, at.site);
  const parts = [
    ...(note ? [note.reason] : state === 'no data' ? [text.campaign.noNeed(stage.need)] : []),
    ...(note && note.share !== null ? [text.campaign.caseShare(percent(note.share))] : []),
    ...(round.mergedLate.includes(at.site) ? [text.campaign.mergedLate] : []),
  ];
  return (
    <>
      <CellMark state={state} />{' '}
      <strong>
        {text.campaign.cell(nameOf(site), text.campaign.stageRound(stage.name, round.round), text.cells[state])}
      </strong>
      {parts.length > 0 && `. ${parts.join(' · ')}`}
    </>
  );
}
