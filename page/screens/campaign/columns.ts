import type { CampaignView, RoundView, StageView } from '../../api/campaign.ts';
import { type CellState, stateOf } from '../../api/cells.ts';

/** A round of a stage, as a column of the grid. */
export interface GridColumn {
  readonly stage: StageView;
  readonly round: RoundView;
  /** The campaign's. */
  readonly reasons: readonly string[];
}

/** All opened rounds in the order of the stages. */
export const columnsOf = ({ stages, reasons }: Pick<CampaignView, 'stages' | 'reasons'>): readonly GridColumn[] =>
  stages.flatMap((stage) => stage.rounds.map((round) => ({ stage, round, reasons })));

/** The state of a site in a round. */
export const cellAt = ({ round }: GridColumn, site: number): CellState => stateOf(round.cells[site]);

/** Why a site is not merged as it sent its update, and its share of the round's cases. */
export interface CellNote {
  readonly share: number | null;
  readonly reason: string;
}

const notes = new WeakMap<RoundView, ReadonlyMap<number, CellNote>>();

/** The note of a site in a round, if there is one. */
export function noteAt({ round, reasons }: GridColumn, site: number): CellNote | undefined {
  const known =
    notes.get(round) ??
    new Map(round.notes.map(([index, share, reason]) => [index, { share, reason: reasons[reason] ?? '' }]));
  notes.set(round, known);
  return known.get(site);
}

/** Indices of the sites that the grid shows. */
export function shownSites(
  view: CampaignView,
  { text, isShown }: { readonly text: string; readonly isShown: ((state: CellState) => boolean) | undefined },
  nameOf: (site: string) => string,
): readonly number[] {
  const wanted = text.trim().toLowerCase();
  const columns = columnsOf(view);
  return view.sites.flatMap((site, index) => {
    const isNamed = wanted === '' || site.includes(wanted) || nameOf(site).toLowerCase().includes(wanted);
    const isWanted = !isShown || columns.some((column) => isShown(cellAt(column, index)));
    return isNamed && isWanted ? [index] : [];
  });
}
