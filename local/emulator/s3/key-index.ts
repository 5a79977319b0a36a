/** A map whose keys can be iterated in S3's order, by their UTF-8 bytes. */
export interface KeyIndex<V> {
  readonly size: number;
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  /** Position of the first key for which `reached` holds. It must hold for all later keys too. */
  seek(reached: (key: string) => boolean): number;
  keyAt(position: number): string | undefined;
  values(): Iterable<V>;
}

/** Keys are sorted at the first iteration and kept in order afterwards, so filling it costs no more than a map. */
export function createKeyIndex<V>(): KeyIndex<V> {
  const values = new Map<string, V>();
  let sorted: string[] | undefined;

  const order = (): string[] => {
    sorted ??= [...values.keys()].sort(compareKeys);
    return sorted;
  };
  const positionOf = (key: string): number => firstWhere(order(), (other) => compareKeys(other, key) >= 0);

  return {
    get size() {
      return values.size;
    },
    get: (key) => values.get(key),
    set(key, value) {
      if (sorted && !values.has(key)) sorted.splice(positionOf(key), 0, key);
      values.set(key, value);
    },
    delete(key) {
      if (sorted && values.has(key)) sorted.splice(positionOf(key), 1);
      values.delete(key);
    },
    seek: (reached) => firstWhere(order(), reached),
    keyAt: (position) => order()[position],
    values: () => values.values(),
  };
}

/** Compares two keys by their UTF-8 bytes. JavaScript's order differs above U+D7FF. */
export function compareKeys(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = rank(a.charCodeAt(i)) - rank(b.charCodeAt(i));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Surrogates encode code points above U+FFFF, so they sort after all other UTF-16 units. */
const rank = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);

function firstWhere(keys: readonly string[], reached: (key: string) => boolean): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (reached(keys[middle] as string)) high = middle;
    else low = middle + 1;
  }
  return low;
}
