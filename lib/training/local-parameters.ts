import { FedcardioError } from '../error.ts';
import type { Network } from '../models/network.ts';
import { headOf } from '../models/parameters.ts';
import type { Weights } from '../weights/weights.ts';

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

/**
 * Loads into a network what a site trains or predicts with: the global model and the site's own parameters. If one is
 * undefined, the network keeps its values. Throws as {@link splitParameters} and {@link Network.load} do.
 */
export function loadSiteModel(
  network: Network,
  patterns: readonly string[],
  global: Weights | undefined,
  local: Weights | undefined,
): ParameterSplit {
  const split = splitParameters(network.variables.keys(), patterns);
  if (global) network.load(global, split.shared);
  if (local) network.load(local, split.local);
  return split;
}

/**
 * Loads a trained body and a probe's heads into a network; by default the heads keep their values. Only the heads are
 * trained, sent and merged.
 *
 * @throws FedcardioError `BAD_WEIGHTS` if the body is that of another network
 */
export function loadProbe(network: Network, body: Weights, heads: Weights | undefined): ParameterSplit {
  const names = [...network.variables.keys()];
  network.load(bodyOf(body), new Set(names.filter(isBody)));
  const shared = new Set(names.filter((name) => !isBody(name)));
  if (heads) network.load(heads, shared);
  return { shared, local: new Set() };
}

/** A network's weights without its heads. */
export const bodyOf = (weights: Weights): Weights => new Map([...weights].filter(([name]) => isBody(name)));
const isBody = (name: string) => headOf(name) === undefined;

/** The tensors with these names. */
export const pick = (weights: Weights, names: ReadonlySet<string>): Weights =>
  new Map([...weights].filter(([name]) => names.has(name)));

const quoted = (text: string): string => `"${text}"`;

const matcher = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
      .join('.*')}$`,
  );
