import { z } from 'zod';

const IMAGE = z.literal('image');

/** How the values of an image become the input of a network: see lib/imaging/intensity.ts. HU for a CT. */
export const intensitySchema = z
  .strictObject({
    low: z.number().nullable().describe('Lower values become this one. `null`: no lower bound.'),
    high: z.number().nullable().describe('Higher values become this one. `null`: no upper bound.'),
    mean: z
      .union([z.number(), IMAGE])
      .describe('Subtracted after clipping. `"image"`: the mean of each image, after clipping.'),
    deviation: z
      .union([z.number().positive(), IMAGE])
      .describe('Divisor. `"image"`: the standard deviation of each image, after clipping.'),
    outside: z
      .number()
      .optional()
      .describe('The value of what lies outside an image, before clipping. Default: -1000, air in HU.'),
  })
  .refine(({ low, high }) => low === null || high === null || low < high, {
    path: ['low'],
    message: 'expected a lower value than high',
  })
  .describe('How the values of an image become the input of a network.');
