import { FedcardioError } from '../../error.ts';
import { AXIS_ORDERS, type AxisOrder } from '../../federation/schemas/model.ts';
import type { SwinUnetrConfig } from '../../federation/schemas.ts';
import type { Tensor, Tensors, WeightTensor } from '../../weights/weights.ts';
import { permutationOf, sourceCells } from '../axes.ts';
import { relativePositionIndex } from '../windows.ts';
import { rearranged } from './rearrange.ts';

/**
 * Position biases of windows that the grid made smaller. MONAI, and fedcardio after it, uses the rows of the full
 * window's first tokens, by their numbers: a pair of neighbours in a window of 4³ gets the rows of two tokens that are
 * no neighbours in one of 7³. The number of a token depends on the order of the axes, so that no table is right in two
 * orders. But the table's index is a tensor of MONAI's state_dict: an export brings its own.
 */

const TABLE = /^(swinViT\.layers(\d+)\.0\.blocks\.\d+\.attn\.relative_position)_bias_table$/;

/** Side of a stage's windows, tokens, on patches of this side, voxels. A patch's first tokens are cubes of 2³ voxels. */
const windowSide = (config: SwinUnetrConfig, stage: number, patch: number): number =>
  Math.min(config.window, patch / 2 ** stage);

/** One stage's part of {@link Tables}. */
interface Table {
  readonly name: string;
  readonly index: string;
  /** Tokens along the side of a window. */
  readonly side: number;
  readonly tensor: WeightTensor;
}

const tablesOf = (tensors: Tensors, config: SwinUnetrConfig, patch: number): readonly Table[] =>
  [...tensors].flatMap(([name, tensor]) => {
    const [, root, stage] = TABLE.exec(name) ?? [];
    if (root === undefined || tensor.dtype !== 'F32') return [];
    return [{ name, index: `${root}_index`, side: windowSide(config, Number(stage), patch), tensor }];
  });

/**
 * The indices of an export in the order `to`, with which smaller windows find the rows that they have in the order
 * `from`. The tables are in the order `to`.
 *
 * @param patch side of the patches, voxels: on others, smaller windows get other biases than here
 */
export function exportedIndices(
  tensors: Tensors,
  config: SwinUnetrConfig,
  patch: number,
  [from, to]: readonly [AxisOrder, AxisOrder],
): Tensors {
  const bySide = new Map<number, Tensor>();
  return new Map(
    tablesOf(tensors, config, patch)
      .filter(({ side }) => side < config.window)
      .map(({ index, side }) => {
        const tensor = bySide.get(side) ?? exportedIndex(config.window, side, from, to);
        bySide.set(side, tensor);
        return [index, tensor];
      }),
  );
}

function exportedIndex(window: number, side: number, from: AxisOrder, to: AxisOrder): Tensor {
  const all = window ** 3;
  const own = relativePositionIndex(window, all);
  const index = BigInt64Array.from(own, BigInt);
  const tokens = sourceCells(side, permutationOf(from, to));
  const rows = sourceCells(2 * window - 1, permutationOf(to, from));
  tokens.forEach((source, i) => {
    tokens.forEach((other, j) => {
      index[i * all + j] = BigInt(rows[own[source * all + other]!]!);
    });
  });
  return { dtype: 'I64', shape: [all, all], data: index };
}

/**
 * The tables of a file in the order `to`, with which this network's index finds what the file's index found in the order
 * `from`. A file without indices has MONAI's.
 *
 * @param tensors in the order `from`
 * @param patch side of the stage's patches, voxels
 * @throws FedcardioError `BAD_WEIGHTS` if there are no such tables
 */
export function importedTables(
  tensors: Tensors,
  config: SwinUnetrConfig,
  patch: number,
  [from, to]: readonly [AxisOrder, AxisOrder],
): Tensors {
  const tables = tablesOf(tensors, config, patch);
  const own = relativePositionIndex(config.window, config.window ** 3);
  const foreign = new Map(
    tables.map((table) => [table.name, foreignIndex(tensors.get(table.index), table.index, own)]),
  );
  const rowsIn = (order: AxisOrder) =>
    tables.map((table) => sourceRows(table.side, own, foreign.get(table.name)!, from, order));
  const rows = rowsIn(to);
  if (rows.every((found) => found !== undefined)) {
    return new Map(tables.map(({ name, tensor }, i) => [name, rearranged(tensor, rows[i]!, tensor.shape[1]!)]));
  }
  const small = [...new Set(tables.filter((_, i) => !rows[i]).map(({ side }) => `${side}³`))].join(' and ');
  const fitting = AXIS_ORDERS.find((order) => rowsIn(order).every((found) => found !== undefined));
  throw new FedcardioError(
    'BAD_WEIGHTS',
    `The file's network gets the axes as ${from}, the stage's as ${to}. On patches of ${patch} voxels, some of its windows have ${small} tokens instead of ${config.window}³, and position biases of such windows cannot be converted.`,
    {
      hint: fitting
        ? `Set "axes": "${fitting}" in the stage's "model".`
        : `Train on patches of another side: the file's position indices are not those for ${patch} voxels.`,
    },
  );
}

/** For each row of a table in the order `to`, its row in the file; undefined if a row would need two. */
function sourceRows(
  side: number,
  own: Int32Array,
  foreign: Int32Array,
  from: AxisOrder,
  to: AxisOrder,
): Int32Array | undefined {
  const all = Math.sqrt(own.length);
  const span = 2 * Math.round(Math.cbrt(all)) - 1;
  const permutation = permutationOf(from, to);
  const rows = sourceCells(span, permutation);
  const known = new Uint8Array(rows.length);
  const tokens = sourceCells(side, permutation);
  for (const [i, source] of tokens.entries()) {
    for (const [j, other] of tokens.entries()) {
      const row = own[i * all + j]!;
      const found = foreign[source * all + other]!;
      if (known[row] && rows[row] !== found) return undefined;
      rows[row] = found;
      known[row] = 1;
    }
  }
  return rows;
}

/** A file's index; MONAI's if it has none. */
function foreignIndex(tensor: Tensor | undefined, name: string, own: Int32Array): Int32Array {
  if (tensor === undefined) return own;
  const index = Int32Array.from(tensor.data as ArrayLike<number | bigint>, Number);
  const rows = (2 * Math.round(Math.cbrt(Math.sqrt(own.length))) - 1) ** 3;
  if (index.length === own.length && index.every((row) => row >= 0 && row < rows)) return index;
  throw new FedcardioError('BAD_WEIGHTS', `"${name}" is no index of position biases.`, {
    hint: 'Save the state_dict of the network again.',
  });
}
