import type { Plan, Stage } from '../../federation/schemas.ts';

/** Fewest sites of a cohort, and by default of a sum: of two updates, each site could subtract its own. */
export const FEWEST_SITES = 3;

/**
 * The largest range. The steps of the fixed point grow with it, and updates of small values would round to 0: weights of networks and
 * their changes rarely exceed 1.
 */
export const MOST_RANGE = 64;

/** Strategies that need only the weighted mean of the updates. */
const AVERAGING = ['fedavg', 'fedavgm', 'fedadam', 'fedyogi'];

/** Why the stages of a campaign cannot be aggregated securely; empty without secure aggregation. */
export const secureFaults = ({ privacy, stages }: Plan['campaign']): readonly string[] =>
  privacy?.secureAggregation
    ? stages.flatMap((stage) =>
        stageFaults(stage, privacy.secureAggregation ?? {}).map((reason) => `stage ${stage.name}: ${reason}`),
      )
    : [];

function stageFaults(
  stage: Stage,
  { threshold, range = 0 }: { readonly threshold?: number | undefined; readonly range?: number },
): readonly string[] {
  if (!('rounds' in stage)) return [];
  const { aggregation, encoding, training, validate, sites } = stage;
  const { strategy } = aggregation;
  const limits = (['clipNorm', 'clipFactor', 'shareFactor', 'lateFactor'] as const).filter(
    (name) => typeof (aggregation as Readonly<Record<string, unknown>>)[name] === 'number',
  );
  const fewest = threshold ?? FEWEST_SITES;
  const faults: readonly (readonly [boolean, string])[] = [
    [!AVERAGING.includes(strategy), `${strategy} compares single updates, and the coordinator sees only their sum`],
    [limits.length > 0, `${limits.join(', ')} of the aggregation would need to see single updates; leave it out`],
    [range > MOST_RANGE, `a range of ${range} is more than ${MOST_RANGE}, so that small values would round to 0`],
    [validate !== undefined, 'validate sends a loss of each site; leave it out'],
    [encoding.dtype !== 'F32', `encoding.dtype ${encoding.dtype} has no use: masked values have 32 bits; leave it out`],
    [
      training.algorithm?.name === 'scaffold',
      'control variates of scaffold have another range than weights; leave out training.algorithm',
    ],
    [
      sites !== undefined && sites.length < fewest,
      `it asks ${sites?.length} sites, and fewer than ${fewest} must not be added up`,
    ],
  ];
  return faults.flatMap(([applies, reason]) => (applies ? [reason] : []));
}
