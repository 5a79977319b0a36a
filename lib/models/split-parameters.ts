import { FedcardioError } from '../error.ts';
import type { TrainingConfig } from '../federation/schemas.ts';
import { headOf } from './parameters.ts';

/** A network's parameters: those that are sent and merged, and those that stay at the site. */
export interface ParameterSplit {
  readonly shared: ReadonlySet<string>;
  readonly local: ReadonlySet<string>;
}

/** What of a stage's training says which parameters stay at their site. */
export type Locality = Pick<TrainingConfig, 'localParameters' | 'algorithm'>;

/** Splits a network's parameters as its stage wants it: `localParameters` stay at their site, and with FedPer all heads. */
export function splitNetwork(names: Iterable<string>, { localParameters, algorithm }: Locality): ParameterSplit {
  const all = [...names];
  const heads = algorithm?.name === 'fedper' ? all.filter((name) => headOf(name) !== undefined) : [];
  return splitParameters(all, localParameters, heads);
}

/** Whether a site keeps parameters of its own that it predicts with. */
export const isPersonal = ({ localParameters, algorithm }: Locality): boolean =>
  localParameters.length > 0 || algorithm?.name === 'fedper' || algorithm?.name === 'ditto';

/** Whether a site keeps anything besides the optimiser's moments from round to round. */
export const staysAtSites = (locality: Locality): boolean =>
  isPersonal(locality) || locality.algorithm?.name === 'scaffold';

/**
 * Splits parameters by whether they stay at their site (FedBN, Li et al. 2021): those whose whole name matches a
 * pattern. `*` matches any characters, or none.
 *
 * @param others further names that stay at their site
 * @throws FedcardioError `BAD_CONFIGURATION` if a pattern matches nothing, or all patterns together match everything
 */
export function splitParameters(
  names: Iterable<string>,
  patterns: readonly string[],
  others: readonly string[] = [],
): ParameterSplit {
  const all = [...names];
  const matched = patterns.map((pattern) => all.filter((name) => matcher(pattern).test(name)));
  const idle = patterns.filter((_, i) => matched[i]?.length === 0);
  if (idle.length > 0) {
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `localParameters: no parameter matches ${idle.map(quoted).join(', ')}.`,
      {
        hint: `A pattern must match a whole name, such as ${quoted(all[0] ?? '')}; * stands for anything.`,
      },
    );
  }
  const local = new Set([...matched.flat(), ...others]);
  const shared = new Set(all.filter((name) => !local.has(name)));
  if (local.size > 0 && shared.size === 0) {
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `localParameters: ${patterns.map(quoted).join(', ')} match every parameter, so that there is nothing to merge.`,
      { hint: 'Name fewer, such as "*norm*" for the normalisation layers.' },
    );
  }
  return { shared, local };
}

const quoted = (text: string): string => `"${text}"`;

const matcher = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
      .join('.*')}$`,
  );
