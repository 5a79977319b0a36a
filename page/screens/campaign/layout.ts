/** A stage as far as its place in the graph is concerned. */
interface Node {
  readonly name: string;
  /** Names of the stages that it waits for. */
  readonly after: readonly string[];
}

export interface Placed<T> {
  readonly stage: T;
  /** Column and row, from 0. */
  readonly column: number;
  readonly row: number;
}

/**
 * Places stages in columns: each is to the right of all that it waits for, and below those of its column that come before it.
 *
 * @param stages in an order in which a stage waits for earlier ones only
 */
export function placeStages<T extends Node>(stages: readonly T[]): readonly Placed<T>[] {
  const columns = new Map<string, number>();
  const filled = new Map<number, number>();
  return stages.map((stage) => {
    const column = Math.max(-1, ...stage.after.map((name) => columns.get(name) ?? -1)) + 1;
    const row = filled.get(column) ?? 0;
    columns.set(stage.name, column);
    filled.set(column, row + 1);
    return { stage, column, row };
  });
}
