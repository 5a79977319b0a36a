import { z } from 'zod';

const positives = z.array(z.int().positive());

/** Orders of the three spatial axes of a tensor, the slowest first. */
export const AXIS_ORDERS = ['zyx', 'zxy', 'yzx', 'yxz', 'xzy', 'xyz'] as const;
export type AxisOrder = (typeof AXIS_ORDERS)[number];

const unetSchema = z
  .strictObject({
    kind: z.literal('unet'),
    features: positives
      .min(2)
      .describe('Features of each resolution stage, finest first. Each further stage halves the grid.'),
    deepSupervision: z
      .boolean()
      .default(true)
      .describe('Supervise the coarser decoder stages too, each with half the weight of the finer one.'),
  })
  .describe('A UNet.');

const swinUnetrSchema = z
  .strictObject({
    kind: z.literal('swin-unetr'),
    featureSize: z.int().positive().describe('Embedding width of the first stage. It doubles with every stage.'),
    depths: positives.min(1).default([2, 2, 2, 2]).describe('Transformer blocks of each stage.'),
    heads: positives.min(1).default([3, 6, 12, 24]).describe('Attention heads of each stage.'),
    window: z.int().positive().default(7).describe('Side of the attention windows, in tokens.'),
    axes: z
      .enum(AXIS_ORDERS)
      .optional()
      .describe(
        'Order in which the network gets the axes of a volume, the slowest first. Default: `zyx`. Only for imported weights that cannot be converted to it, as `fedcardio import` then says.',
      ),
    merging: z
      .literal('monai-1.4')
      .optional()
      .describe(
        'Patch merging of MONAI 0.9 to 1.4, which reads two of the eight corners twice and two never. Only for imported weights of these releases, together with their `axes`. Default: every corner once.',
      ),
  })
  .describe('A Swin UNETR.');

export const modelSchema = z.discriminatedUnion('kind', [unetSchema, swinUnetrSchema]);

export type ModelConfig = z.infer<typeof modelSchema>;
export type UNetConfig = z.infer<typeof unetSchema>;
export type SwinUnetrConfig = z.infer<typeof swinUnetrSchema>;
