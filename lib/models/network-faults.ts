import type { ModelConfig, SwinUnetrConfig } from '../federation/schemas.ts';

/** What is wrong with a configuration: one sentence without its full stop, which begins in lower case, and what to do. */
export interface ConfigurationFault {
  readonly problem: string;
  readonly hint: string;
}

/** The sides of a network's input must be multiples of this. */
export const divisorOf = (config: ModelConfig): number =>
  config.kind === 'unet' ? 2 ** (config.features.length - 1) : 2 ** (config.depths.length + 1);

/** Why a Swin UNETR cannot have its attention heads. */
export function attentionFault({ depths, heads, featureSize }: SwinUnetrConfig): ConfigurationFault | undefined {
  const width = (stage: number) => featureSize * 2 ** stage;
  const narrow = heads.findIndex((count, stage) => width(stage) % count !== 0);
  const hint = 'Give one entry of "heads" for each of "depths"; each must divide featureSize·2^stage.';
  if (heads.length !== depths.length) {
    return { problem: `the Swin UNETR has ${depths.length} stages but attention heads for ${heads.length}`, hint };
  }
  if (narrow < 0) return undefined;
  const problem = `${heads[narrow]} attention heads do not divide the ${width(narrow)} features of stage ${narrow + 1}`;
  return { problem, hint };
}

/** The multiples of a number just below and just above another one, without 0. */
export function multiplesNear(side: number, divisor: number): readonly number[] {
  const below = Math.floor(side / divisor) * divisor;
  return [below, below + divisor].filter((multiple) => multiple > 0);
}
