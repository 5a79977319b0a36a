import type { Task } from '../federation/tasks.ts';
import { parametersIn } from '../models/control-variates.ts';
import type { Network } from '../models/network.ts';
import { headOf } from '../models/parameters.ts';
import { type Locality, type ParameterSplit, splitNetwork } from '../models/split-parameters.ts';
import type { Weights } from '../weights/weights.ts';

/**
 * Loads into a network what a site trains or predicts with: the global model and the site's own parameters. If one is
 * undefined, the network keeps its values, and so do heads that the site has not trained. SCAFFOLD's control variates and
 * Ditto's personal model are not loaded. Throws as {@link splitNetwork} and {@link Network.load} do.
 */
export function loadSiteModel(
  network: Network,
  locality: Locality,
  global: Weights | undefined,
  local: Weights | undefined,
): ParameterSplit {
  const split = splitNetwork(network.variables.keys(), locality);
  if (global) network.load(parametersIn(global), split.shared);
  if (local && split.local.size > 0)
    network.load(local, new Set([...split.local].filter((name) => isBody(name) || local.has(name))));
  return split;
}

/** Whether a site can predict a task: none of the head's parameters stays at the sites, or the site has its own. */
export const hasHead = ({ id }: Pick<Task, 'id'>, local: ReadonlySet<string>, own: Weights | undefined): boolean =>
  [...local].every((name) => headOf(name) !== id || own?.has(name));

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
