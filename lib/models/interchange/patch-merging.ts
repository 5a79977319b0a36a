import { FedcardioError } from '../../error.ts';
import type { SwinUnetrConfig } from '../../federation/schemas.ts';
import type { Tensors } from '../../weights/weights.ts';
import { CORNERS, type Corner } from '../corners.ts';
import { rearranged } from './rearrange.ts';

/**
 * How MONAI's SwinUNETR concatenates the corners of a 2³ cube when it merges patches. Names and shapes are the same for
 * all, so that a state_dict does not tell. Compared in MONAI's source (`swin_unetr.py`) of 0.9.0, 0.9.1, 1.0.0, 1.0.1,
 * 1.1.0, 1.2.0, 1.3.2, 1.4.0, 1.5.0, 1.5.1 and 1.6.1:
 *
 * - `monai-1.5`: `downsample="merging"`, the default, from 1.5.0 on: every corner once, fedcardio's order.
 * - `monai-1.4`: `downsample="merging"` of 0.9.0 to 1.4.0 reads the corners (0, 1, 0) and (0, 0, 1) twice, and (1, 1, 0)
 *   and (0, 1, 1) never. The layer norm over all eight makes it another network: one with `merging` in its `model`.
 * - `mergingv2`: `downsample="mergingv2"` from 1.0.0 on: every corner once, in another order.
 * - `mergingv2-0.9`: the same of 0.9.1, in a third order.
 */
export const PATCH_MERGINGS = ['monai-1.5', 'monai-1.4', 'mergingv2', 'mergingv2-0.9'] as const;
export type PatchMerging = (typeof PATCH_MERGINGS)[number];

const corners = (...digits: readonly string[]): readonly Corner[] =>
  digits.map((text) => [...text].map(Number) as unknown as Corner);

const ORDERS: Readonly<Record<Exclude<PatchMerging, 'monai-1.4'>, readonly Corner[]>> = {
  'monai-1.5': CORNERS,
  mergingv2: corners('000', '001', '010', '011', '100', '101', '110', '111'),
  'mergingv2-0.9': corners('000', '100', '010', '001', '101', '110', '011', '111'),
};

/**
 * The tensors of a SwinUNETR in the order of `monai-1.5`. The layer norm and the linear map treat all corners alike, so
 * that exchanging their blocks of channels gives exactly the same network. Those of `monai-1.4` stay as they are.
 *
 * @throws FedcardioError `BAD_WEIGHTS` if the network that the weights are for merges patches otherwise
 */
export function inOwnOrder(tensors: Tensors, merging: PatchMerging, model: SwinUnetrConfig): Tensors {
  if ((merging === 'monai-1.4') !== (model.merging === 'monai-1.4')) throw otherMerging(merging);
  if (merging === 'monai-1.4') return tensors;
  const sources = CORNERS.map((own) => ORDERS[merging].findIndex((corner) => corner.join() === own.join()));
  return new Map(
    [...tensors].map(([name, tensor]) => {
      const moves = tensor.dtype === 'F32' && isMerging(name);
      return [name, moves ? rearranged(tensor, sources, tensor.shape.at(-1)! / CORNERS.length) : tensor];
    }),
  );
}

const otherMerging = (merging: PatchMerging): FedcardioError =>
  new FedcardioError(
    'BAD_WEIGHTS',
    merging === 'monai-1.4'
      ? 'downsample="merging" of MONAI 0.9 to 1.4 reads two of eight corners twice and two never, which is another network than that of the stage.'
      : `The stage's network merges patches as MONAI 0.9 to 1.4 did; the weights are those of ${merging}.`,
    {
      hint:
        merging === 'monai-1.4'
          ? 'Give the stage\'s "model" both "merging": "monai-1.4" and "axes": "xyz", or the order that the network was trained with.'
          : 'Leave "merging" out of the stage\'s "model".',
    },
  );

/** Whether the last axis of a tensor consists of the features of eight corners. */
export const isMerging = (name: string): boolean => /\.downsample\.(norm\.(weight|bias)|reduction\.weight)$/.test(name);
