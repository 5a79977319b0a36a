import { FedcardioError } from '../error.ts';
import type { Network } from '../models/network.ts';
import { headOf } from '../models/parameters.ts';
import type { Weights } from '../weights/weights.ts';

/** A network's parameters by what becomes of them: sent and merged, or kept at the site. */
export interface ParameterSplit {
  readonly shared: ReadonlySet<string>;
  readonly local: ReadonlySet<string>;
}

/**
 * Which parameters stay at their site (FedBN, Li et al. 2021): those of which a pattern matches the whole name, `*`
 * standing for any characters, or none.
 *
 * @throws FedcardioError `BAD_CONFIGURATION` when a pattern matches nothing, or all patterns together everything.
 */
export function splitParameters(names: Iterable<string>, patterns: readonly string[]): ParameterSplit {
  const all = [...names];
  const matched = patterns.map((pattern) => all.filter((name) => matcher(pattern).test(name)));
  const idle = patterns.filter((_, i) => matched[i]?.length === 0);
  if (idle.length > 0) {
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `localParameters: no parameter matches ${idle.map(quoted).join(', ')}`,
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
      `localParameters: ${patterns.map(quoted).join(', ')} match every parameter, so that there is nothing to merge`,
      { hint: 'Name fewer, such as "*norm*" for the normalisation layers.' },
    );
  }
  return { shared, local };
}

/**
 * Gives a network what a site trains or predicts with: the global model and the site's own parameters. What is
 * undefined stays as the network was made. Throws as {@link splitParameters} and {@link Network.load} do.
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
 * Gives a network a trained body and heads of its own, by default as it was made: what is trained, sent and merged of
 * it are the heads.
 *
 * @throws FedcardioError `BAD_WEIGHTS` when the body is of another network
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

/** The tensors of these names. */
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
