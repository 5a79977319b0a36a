import type { Tensors } from '../../weights/weights.ts';
import type { State } from './state.ts';

/**
 * Names of a Swin transformer that was saved without its decoder, as self-supervised training does, and the names that
 * it has in MONAI's `SwinUNETR`. From MONAI's `load_from` and `filter_swinunetr` (swin_unetr.py of 1.6.1) and from
 * Project-MONAI/research-contributions, pull request 89: bare, `swin_vit.`, and `encoder.` with a further level.
 */
const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/^(?:swin_vit\.)?(?=(?:patch_embed|layers\d)\.)/, 'swinViT.'],
  [/^encoder\.(?=patch_embed\.)/, 'swinViT.'],
  [/^encoder\.(layers\d\.0\.)0\./, 'swinViT.$1'],
];

/** MONAI's name of a tensor of the transformer. Before MONAI's release, its layers `mlp.linear` were named `mlp.fc`. */
function monaiName(name: string): string {
  const [pattern, text] = RENAMED.find(([known]) => known.test(name)) ?? [];
  const renamed = pattern ? name.replace(pattern, text as string) : name;
  return renamed.startsWith('swinViT.') ? renamed.replace(/\.mlp\.fc([12])\./, '.mlp.linear$1.') : renamed;
}

const isEncoder = (name: string): boolean => name.startsWith('swinViT.');

/** The transformer of a file without a decoder. */
export interface SwinEncoder {
  readonly tensors: Tensors;
  /** Names of other tensors, such as heads of self-supervised training. */
  readonly beside: readonly string[];
}

/** The transformer in a file; undefined if the file has a decoder, or no transformer. Names are those of MONAI. */
export function swinEncoderOf(tensors: Tensors): SwinEncoder | undefined {
  const names = [...tensors.keys()];
  if (names.some((name) => /^(encoder\d+|decoder\d)\.(layer|transp_conv|conv_block)\./.test(name))) return undefined;
  const renamed = names.map((name) => [name, monaiName(name)] as const);
  if (!renamed.some(([, name]) => name === 'swinViT.patch_embed.proj.weight')) return undefined;
  return {
    tensors: new Map(renamed.flatMap(([old, name]) => (isEncoder(name) ? [[name, tensors.get(old)!] as const] : []))),
    beside: renamed.flatMap(([old, name]) => (isEncoder(name) ? [] : [old])),
  };
}

/** The part of MONAI's state_dict that a file without a decoder has. */
export const encoderState = (state: State): State => ({
  ...state,
  module: "the transformer of MONAI's SwinUNETR",
  entries: state.entries.filter(({ name }) => isEncoder(name)),
});
