/**
 * What a warm process remembers between tasks: values by a key that names their content (bucket, key, ETag), the
 * least recently used forgotten first.
 */
export interface Cache {
  readonly maxBytes: number;
  get<T>(key: string, load: () => Promise<{ readonly value: T; readonly bytes: number }>): Promise<T>;
}

export function createCache(maxBytes: number): Cache {
  const entries = new Map<string, Entry>();
  const loading = new Map<string, Promise<Entry>>();
  let held = 0;

  /** Loads once for all who ask meanwhile. */
  function load(key: string, from: () => Promise<Entry>): Promise<Entry> {
    const known = loading.get(key);
    if (known) return known;
    const loaded = from()
      .then((entry) => {
        held += entry.bytes;
        entries.set(key, entry);
        return entry;
      })
      .finally(() => loading.delete(key));
    loading.set(key, loaded);
    return loaded;
  }

  return {
    maxBytes,
    async get<T>(key: string, from: () => Promise<{ readonly value: T; readonly bytes: number }>) {
      const entry = entries.get(key) ?? (await load(key, from));
      // Again at the end, as the most recent, unless it was forgotten since.
      if (entries.delete(key)) entries.set(key, entry);
      for (const [oldest, { bytes }] of entries) {
        if (held <= maxBytes || oldest === key) break;
        entries.delete(oldest);
        held -= bytes;
      }
      return entry.value as T;
    },
  };
}

interface Entry {
  readonly value: unknown;
  readonly bytes: number;
}
