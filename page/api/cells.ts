/**
 * What a site's answer to a round became, or is so far, and its letter in compact lists. `no data`: the stage asks the site,
 * which has nothing to learn from. `not asked`: the stage names other sites. `unread`: its answers were not listed yet.
 */
export const CELL_STATES = {
  merged: 'm',
  clipped: 'c',
  limited: 'l',
  answered: 'a',
  'waited for': 'w',
  late: 't',
  refused: 'r',
  failed: 'f',
  missed: 'x',
  'no data': 'n',
  'not asked': '.',
  unread: 'u',
} as const;

export type CellState = keyof typeof CELL_STATES;

const BY_LETTER = new Map(Object.entries(CELL_STATES).map(([state, letter]) => [letter as string, state as CellState]));

/** The state of a letter in `cells`. */
export const stateOf = (letter: string | undefined): CellState => BY_LETTER.get(letter ?? '') ?? 'not asked';
