import { FedcardioError } from '../error.ts';

/** A network's parameters: those that are sent and merged, and those that stay at the site. */
export interface ParameterSplit {
  readonly shared: ReadonlySet<string>;
  readonly local: ReadonlySet<string>;
}

/**
 * Splits parameters by whether they stay at their site (FedBN, Li et al. 2021): those whose whole name matches a
 * pattern. `*` matches any characters, or none.
 *
 * @throws FedcardioError `BAD_CONFIGURATION` if a pattern matches nothing, or all patterns together match everything
 */
export function splitParameters(names: Iterable<string>, patterns: readonly string[]): ParameterSplit {
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
  const local = new Set(matched.flat());
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
