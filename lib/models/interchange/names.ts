import { FedcardioError } from '../../error.ts';
import type { Tensor, Tensors } from '../../weights/weights.ts';

/** Modules that wrap another one wherever they are: DataParallel, torch.compile, FSDP, checkpointing. */
const WRAPPERS = new Set(['module', '_orig_mod', '_fsdp_wrapped_module', '_checkpoint_wrapped_module']);
/** Attributes of training loops, and keys of checkpoints, that hold the network. */
const HOLDERS = new Set(['model', 'network', 'net', '_model', 'state_dict', 'model_state_dict', 'network_weights']);
/** What training loops keep beside the network: their losses and metrics. */
const BESIDE = /^(loss|criterion|metric|optimi[sz]er|scheduler)/i;

/** Tensors under the names that they have in the network alone. */
export interface Unwrapped {
  readonly tensors: Tensors;
  /** Prefixes that were taken off, such as "module.". */
  readonly prefixes: readonly string[];
  /** Names that do not belong to the network. */
  readonly beside: readonly string[];
}

/**
 * Takes off the prefixes of PyTorch's wrappers and of training loops, in any combination. A training loop's prefix is
 * taken off only if all names have it, except for those of losses and metrics.
 *
 * @throws FedcardioError `BAD_WEIGHTS` if two tensors would have one name and differ
 */
export function unwrapNames(tensors: Tensors): Unwrapped {
  const prefixes = new Set<string>();
  let names = [...tensors.keys()].map((full) => {
    const parts = full.split('.');
    for (const part of parts) if (WRAPPERS.has(part)) prefixes.add(`${part}.`);
    return { full, parts: parts.filter((part) => !WRAPPERS.has(part)) };
  });
  const beside: string[] = [];
  for (;;) {
    const inside = names.filter(({ parts }) => !BESIDE.test(parts[0] ?? ''));
    const holder = inside[0]?.parts[0] ?? '';
    if (!HOLDERS.has(holder) || inside.some(({ parts }) => parts[0] !== holder)) break;
    beside.push(...names.filter((name) => !inside.includes(name)).map(({ full }) => full));
    prefixes.add(`${holder}.`);
    names = inside.map(({ full, parts }) => ({ full, parts: parts.slice(1) }));
  }
  const renamed = names.map(({ full, parts }) => [parts.join('.'), tensors.get(full)!] as const);
  return { tensors: withoutTwins(renamed), prefixes: [...prefixes], beside };
}

/**
 * The tensors by name. PyTorch saves a shared parameter under all its names, with the same values.
 *
 * @throws FedcardioError `BAD_WEIGHTS` if two tensors of one name differ
 */
export function withoutTwins(named: readonly (readonly [string, Tensor])[]): Tensors {
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of named) {
    const twin = tensors.get(name);
    if (twin && !areEqual(twin, tensor)) {
      throw new FedcardioError('BAD_WEIGHTS', `The file has two different tensors for "${name}".`, {
        hint: 'Save the state_dict of one network alone.',
      });
    }
    tensors.set(name, tensor);
  }
  return tensors;
}

const areEqual = (a: Tensor, b: Tensor): boolean =>
  a.dtype === b.dtype && a.shape.join() === b.shape.join() && a.data.every((value, i) => value === b.data[i]);
