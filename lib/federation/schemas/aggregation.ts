import { z } from 'zod';

/** Fields of every strategy. */
const anyStrategy = {
  clipNorm: z
    .number()
    .positive()
    .optional()
    .describe(
      "Largest L2 norm of an update's difference from the global model; a larger difference is scaled down to this norm. The first round of a stage has no global model and ignores this limit. Default: no limit.",
    ),
  clipFactor: z
    .number()
    .min(1)
    .nullable()
    .optional()
    .describe(
      "Largest L2 norm of an update's difference from the global model, as a multiple of the round's median norm; a larger difference is scaled down to it. In a stage's first round, the difference is taken from the median of each value over the updates. `null`: no such limit. Default: 2 for `fedavg`, `fedavgm`, `fedadam`, `fedyogi` and `trimmed-mean`, otherwise no such limit.",
    ),
  untrained: z
    .enum(['average', 'skip'])
    .default('average')
    .describe(
      'How to merge parameters that some sites could not train, such as heads of tasks without a target in the cases that were drawn there. `average`: from all updates, as in federated averaging, which slows down the training of such a head. `skip`: from the updates that trained them.',
    ),
  maxUpdateBytes: z
    .int()
    .positive()
    .default(4 * 2 ** 30)
    .describe('Largest file of weights that is accepted, in bytes.'),
};

/** Field of the strategies that weight updates with their samples. */
const weighted = {
  shareFactor: z
    .number()
    .min(1)
    .nullable()
    .optional()
    .describe(
      'Largest share of an update in the mean, as a multiple of the share that it would have if all updates counted alike: with 3 and eight updates, at most three eighths, however many cases its site claims. Nothing is limited among as many updates or fewer. `null`: no limit. Default: 3.',
    ),
  lateFactor: z
    .number()
    .positive()
    .max(1)
    .optional()
    .describe(
      'Semi-synchronous rounds: an update that comes after its round was sealed counts in the next round, as this multiple of its samples. One that comes later still, or after the last round of its stage, is not merged. Default: late updates are kept, but never merged.',
    ),
};

const rate = z.number().min(0).lt(1);
const learningRate = z.number().positive();
const adaptive = {
  learningRate: learningRate.default(0.01).describe('Step size η.'),
  beta1: rate.default(0.9).describe('Decay β₁ of the first moment.'),
  beta2: rate.default(0.99).describe('Decay β₂ of the second moment.'),
  epsilon: z.number().positive().default(1e-3).describe('Degree of adaptivity τ (Reddi et al. 2021).'),
  ...weighted,
};
const ADAPTIVE_SYMBOLS = { learningRate: 'η', beta1: 'β₁', beta2: 'β₂', epsilon: 'τ' };
const byzantine = z
  .int()
  .nonnegative()
  .default(1)
  .describe('Number f of updates that may be arbitrary. A round with fewer than 2f + 3 updates fails.');

/** Honest updates rarely exceed this multiple of their median norm: see docs/reliability.md. */
const CLIP_FACTOR = 2;
/** The largest share in Tölle et al. 2025 is 2.96 times the equal one: 3,001 of 8,124 CTs at one of eight sites. */
const SHARE_FACTOR = 3;
const AVERAGING = { clipFactor: CLIP_FACTOR, shareFactor: SHARE_FACTOR };

/**
 * A strategy's schema, with what docs/aggregation.md says of it and the defaults of a new plan. These are not defaults of
 * the schema: a plan of an older release lacks them, and its rounds must merge to the same bytes as before.
 */
const declare = <S extends string, F extends z.ZodRawShape>(
  name: S,
  fields: F,
  document: {
    readonly summary: string;
    /** The new model as a formula, and the symbols in it that stand for fields. */
    readonly model: string;
    readonly symbols?: { readonly [K in keyof F]?: string };
    readonly source: string;
    /** Values that a new plan gets for absent fields. */
    readonly planned?: { readonly clipFactor?: number } & { readonly [K in keyof F]?: z.input<F[K]> };
  },
) => ({
  name,
  ...document,
  planned: document.planned ?? {},
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
  declare('fedavg', weighted, {
    summary: 'Federated averaging: the mean of the updates, weighted with their samples.',
    model: 'Σ*nᵢwᵢ* / Σ*nᵢ*',
    source: 'McMahan et al. 2017',
    planned: AVERAGING,
  }),
  declare(
    'fedavgm',
    {
      learningRate: learningRate.default(1).describe('Step size η.'),
      momentum: rate.default(0.9).describe('Momentum β.'),
      ...weighted,
    },
    {
      summary: 'Momentum at the server.',
      model: '*m* ← β*m* + Δ; *w* + η*m*',
      symbols: { learningRate: 'η', momentum: 'β' },
      source: 'Hsu et al. 2019',
      planned: AVERAGING,
    },
  ),
  declare('fedadam', adaptive, {
    summary: 'Adam at the server.',
    model: '*m* ← β₁*m* + (1 − β₁)Δ; *v* ← β₂*v* + (1 − β₂)Δ²; *w* + η*m* / (√*v* + τ)',
    symbols: ADAPTIVE_SYMBOLS,
    source: 'Reddi et al. 2021',
    planned: AVERAGING,
  }),
  declare('fedyogi', adaptive, {
    summary: 'Yogi at the server.',
    model: 'as FedAdam, with *v* ← *v* − (1 − β₂)Δ² sign(*v* − Δ²)',
    symbols: ADAPTIVE_SYMBOLS,
    source: 'Reddi et al. 2021',
    planned: AVERAGING,
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
      minTrimmed: z
        .int()
        .nonnegative()
        .optional()
        .describe(
          'Fewest values that are left out at either end, as long as one is left: of two values none is left out. Default: 1.',
        ),
    },
    {
      summary: 'The mean of each value without the smallest and the largest.',
      model: 'the mean of *wᵢ* without the ⌊`trim` · n⌋ smallest, at least `minTrimmed`, and as many largest',
      source: 'Yin et al. 2018',
      planned: { clipFactor: CLIP_FACTOR, minTrimmed: 1 },
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

/** The same aggregation with the defaults of a new plan. */
export const plannedAggregation = (aggregation: Aggregation): Aggregation => ({
  ...STRATEGIES.find(({ name }) => name === aggregation.strategy)?.planned,
  ...aggregation,
});
