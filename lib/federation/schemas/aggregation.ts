import { z } from 'zod';

/** Fields of every strategy. */
const anyStrategy = {
  clipNorm: z
    .number()
    .positive()
    .optional()
    .describe(
      "Largest L2 norm of an update's difference from the global model; a larger difference is scaled down to this norm. The first round of a stage has no global model and clips nothing. Default: no limit.",
    ),
  untrained: z
    .enum(['average', 'skip'])
    .default('average')
    .describe(
      'How to merge parameters that some sites could not train, such as heads of tasks without a target there. `average`: from all updates, as in federated averaging, which slows down the training of such a head. `skip`: from the updates that trained them.',
    ),
  maxUpdateBytes: z
    .int()
    .positive()
    .default(4 * 2 ** 30)
    .describe('Largest file of weights that is accepted, in bytes.'),
};

const rate = z.number().min(0).lt(1);
const learningRate = z.number().positive();
const adaptive = {
  learningRate: learningRate.default(0.01).describe('Step size η.'),
  beta1: rate.default(0.9).describe('Decay β₁ of the first moment.'),
  beta2: rate.default(0.99).describe('Decay β₂ of the second moment.'),
  epsilon: z.number().positive().default(1e-3).describe('Degree of adaptivity τ (Reddi et al. 2021).'),
};
const ADAPTIVE_SYMBOLS = { learningRate: 'η', beta1: 'β₁', beta2: 'β₂', epsilon: 'τ' };
const byzantine = z
  .int()
  .nonnegative()
  .default(1)
  .describe('Number f of updates that may be arbitrary. A round with fewer than 2f + 3 updates fails.');

/** A strategy's schema, with what docs/aggregation.md says of it. */
const declare = <S extends string, F extends z.ZodRawShape>(
  name: S,
  fields: F,
  document: {
    readonly summary: string;
    /** The new model as a formula, and the symbols in it that stand for fields. */
    readonly model: string;
    readonly symbols?: { readonly [K in keyof F]?: string };
    readonly source: string;
  },
) => ({
  name,
  ...document,
  symbols: new Map<string, string | undefined>(Object.entries(document.symbols ?? {})),
  /** Names of the strategy's own fields. */
  options: Object.keys(fields),
  schema: z.strictObject({ strategy: z.literal(name), ...fields, ...anyStrategy }).describe(document.summary),
});

/**
 * Every strategy: how a round's updates become one model. The schema of `aggregation`, the implementations in
 * lib/aggregation/strategies and the table in docs/aggregation.md derive from this list.
 */
export const STRATEGIES = [
  declare(
    'fedavg',
    {},
    {
      summary: 'Federated averaging: the mean of the updates, weighted with their samples.',
      model: 'Σ*nᵢwᵢ* / Σ*nᵢ*',
      source: 'McMahan et al. 2017',
    },
  ),
  declare(
    'fedavgm',
    {
      learningRate: learningRate.default(1).describe('Step size η.'),
      momentum: rate.default(0.9).describe('Momentum β.'),
    },
    {
      summary: 'Momentum at the server.',
      model: '*m* ← β*m* + Δ; *w* + η*m*',
      symbols: { learningRate: 'η', momentum: 'β' },
      source: 'Hsu et al. 2019',
    },
  ),
  declare('fedadam', adaptive, {
    summary: 'Adam at the server.',
    model: '*m* ← β₁*m* + (1 − β₁)Δ; *v* ← β₂*v* + (1 − β₂)Δ²; *w* + η*m* / (√*v* + τ)',
    symbols: ADAPTIVE_SYMBOLS,
    source: 'Reddi et al. 2021',
  }),
  declare('fedyogi', adaptive, {
    summary: 'Yogi at the server.',
    model: 'as FedAdam, with *v* ← *v* − (1 − β₂)Δ² sign(*v* − Δ²)',
    symbols: ADAPTIVE_SYMBOLS,
    source: 'Reddi et al. 2021',
  }),
  declare(
    'median',
    {},
    {
      summary: 'The median of each value.',
      model: 'the median of *wᵢ*; for an even number of updates, the mean of the middle two',
      source: 'Yin et al. 2018',
    },
  ),
  declare(
    'trimmed-mean',
    {
      trim: z
        .number()
        .min(0)
        .lt(0.5)
        .default(0.1)
        .describe('Share of the values that is left out at either end, rounded down to a whole number of values.'),
    },
    {
      summary: 'The mean of each value without the smallest and the largest.',
      model: 'the mean of *wᵢ* without the ⌊`trim` · n⌋ smallest and as many largest',
      source: 'Yin et al. 2018',
    },
  ),
  declare(
    'krum',
    { byzantine },
    {
      summary: 'The one update that lies closest to the others.',
      model: 'the *wᵢ* with the smallest sum of squared distances to its n − f − 2 nearest others',
      symbols: { byzantine: 'f' },
      source: 'Blanchard et al. 2017',
    },
  ),
  declare(
    'multi-krum',
    {
      byzantine,
      keep: z
        .int()
        .positive()
        .optional()
        .describe('Most updates that are averaged. Default: n − f − 2, which is also the largest possible number.'),
    },
    {
      summary: 'The mean of the updates that lie closest to the others.',
      model: 'the mean of the `keep` updates with the smallest such sums, by default and at most n − f − 2',
      symbols: { byzantine: 'f' },
      source: 'Blanchard et al. 2017',
    },
  ),
] as const;

type SchemasOf<L> = { [I in keyof L]: L[I] extends { readonly schema: infer S } ? S : never };

export const aggregationSchema = z.discriminatedUnion(
  'strategy',
  STRATEGIES.map(({ schema }) => schema) as unknown as SchemasOf<typeof STRATEGIES>,
);

export type Aggregation = z.infer<typeof aggregationSchema>;
