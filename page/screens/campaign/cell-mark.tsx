import type { CellState } from '../../api/cells.ts';
import type { Tone } from '../../parts/badge.tsx';

/** Mark and tone of each state. Each has a mark of its own, so that no state is told by its colour alone. */
const MARKS: Readonly<Record<CellState, readonly [mark: string, tone: Tone]>> = {
  merged: ['✓', 'good'],
  clipped: ['↓', 'waiting'],
  limited: ['÷', 'waiting'],
  answered: ['●', 'active'],
  'waited for': ['…', 'neutral'],
  late: ['»', 'waiting'],
  refused: ['✕', 'bad'],
  failed: ['!', 'bad'],
  missed: ['?', 'bad'],
  'no data': ['–', 'neutral'],
  'not asked': ['', 'neutral'],
  unread: ['·', 'neutral'],
};

/** States in the order of the legend. */
export const STATES = Object.keys(MARKS) as CellState[];

/** States of a site that is not in the round's model, although it was asked. */
export const EXCLUDED: ReadonlySet<CellState> = new Set(['late', 'refused', 'failed', 'missed', 'no data']);

/** Classes and mark of a state. */
export const markOf = (state: CellState): string => MARKS[state][0];
export const toneOf = (state: CellState): Tone => MARKS[state][1];

export const CellMark = ({ state }: { readonly state: CellState }) => (
  <span class={`mark mark-${toneOf(state)}`} aria-hidden="true">
    {markOf(state)}
  </span>
);
