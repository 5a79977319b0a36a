import { FedcardioError } from '../error.ts';
import type { TrainingConfig } from '../federation/schemas.ts';
import type { ConfigurationFault } from './network-faults.ts';
import { headOf } from './parameters.ts';

/** A network's parameters: those that are sent and merged, and those that stay at the site. */
export interface ParameterSplit {
  readonly shared: ReadonlySet<string>;
  readonly local: ReadonlySet<string>;
}

/** What of a stage's training says which parameters stay at their site. */
export type Locality = Pick<TrainingConfig, 'localParameters' | 'algorithm'>;

/** Splits a network's parameters as its stage wants it: `localParameters` stay at their site, and with FedPer all heads. */
export const splitNetwork = (names: Iterable<string>, locality: Locality): ParameterSplit =>
  splitParameters(...splitTerms(names, locality));

/** Why a network's parameters cannot be split as its stage wants it. */
export const localityFault = (names: Iterable<string>, locality: Locality): ConfigurationFault | undefined =>
  splitFault(matching(...splitTerms(names, locality)));

function splitTerms(names: Iterable<string>, { localParameters, algorithm }: Locality) {
  const all = [...names];
  const heads = algorithm?.name === 'fedper' ? all.filter((name) => headOf(name) !== undefined) : [];
  return [all, localParameters, heads] as const;
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
  const match = matching(names, patterns, others);
  const fault = splitFault(match);
  if (!fault) return { shared: match.shared, local: match.local };
  throw new FedcardioError('BAD_CONFIGURATION', `localParameters: ${fault.problem}.`, { hint: fault.hint });
}

/** What patterns match: see {@link splitParameters}. */
interface Match extends ParameterSplit {
  readonly all: readonly string[];
  readonly patterns: readonly string[];
  /** Patterns that match nothing. */
  readonly idle: readonly string[];
}

function matching(names: Iterable<string>, patterns: readonly string[], others: readonly string[]): Match {
  const all = [...names];
  const matched = patterns.map((pattern) => all.filter((name) => matcher(pattern).test(name)));
  const local = new Set([...matched.flat(), ...others]);
  const shared = new Set(all.filter((name) => !local.has(name)));
  return { all, patterns, local, shared, idle: patterns.filter((_, i) => matched[i]?.length === 0) };
}

function splitFault({ all, patterns, idle, shared, local }: Match): ConfigurationFault | undefined {
  if (idle.length > 0) {
    return {
      problem: `no parameter matches ${idle.map(quoted).join(', ')}`,
      hint: `A pattern must match a whole name, such as ${quoted(all[0] ?? '')}; * stands for anything.`,
    };
  }
  if (local.size === 0 || shared.size > 0) return undefined;
  return {
    problem: `${patterns.map(quoted).join(', ')} match every parameter, so that there is nothing to merge`,
    hint: 'Name fewer, such as "*norm*" for the normalisation layers.',
  };
}

const quoted = (text: string): string => `"${text}"`;

const matcher = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
      .join('.*')}$`,
  );
