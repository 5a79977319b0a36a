import { badWeights } from './safetensors-header.ts';

/**
 * Metadata key of an update's header: tensors that the site did not train in the round, such as heads of other tasks.
 */
const KEY = 'untrained';

/** The header's metadata for an update with such tensors; empty if there are none. */
export const untrainedMetadata = (names: readonly string[]): Readonly<Record<string, string>> =>
  names.length === 0 ? {} : { [KEY]: JSON.stringify(names.toSorted()) };

/** The names that a header's metadata lists. Throws `BAD_WEIGHTS` if it is not a list of names. */
export function untrainedIn(metadata: Readonly<Record<string, string>>): ReadonlySet<string> {
  const text = metadata[KEY];
  if (text === undefined) return new Set();
  const names = parsed(text);
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return new Set(names);
  throw badWeights(`the header's "${KEY}" is not a JSON list of tensor names.`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
