/** A least-recently-used cache that a warm process keeps between GPU tasks. Keys name content: bucket, key, ETag. */
export interface Cache {
  readonly maxBytes: number;
  get<T>(key: string, load: () => Promise<{ readonly value: T; readonly bytes: number }>): Promise<T>;
}

export function createCache(maxBytes: number): Cache {
  const entries = new Map<string, Entry>();
  const loading = new Map<string, Promise<Entry>>();
  let totalBytes = 0;

  /** Concurrent callers share one load. */
  function loadOnce(key: string, loadEntry: () => Promise<Entry>): Promise<Entry> {
    const known = loading.get(key);
    if (known) return known;
    const loaded = loadEntry()
      .then((entry) => {
        totalBytes += entry.bytes;
        entries.set(key, entry);
        return entry;
      })
      .finally(() => loading.delete(key));
    loading.set(key, loaded);
    return loaded;
  }

  return {
    maxBytes,
    async get<T>(key: string, load: () => Promise<{ readonly value: T; readonly bytes: number }>) {
      const entry = entries.get(key) ?? (await loadOnce(key, load));
      // Moves the entry to the end, as the most recent one, unless it was evicted in the meantime.
      if (entries.delete(key)) entries.set(key, entry);
      for (const [oldest, { bytes }] of entries) {
        if (totalBytes <= maxBytes || oldest === key) break;
        entries.delete(oldest);
        totalBytes -= bytes;
      }
      return entry.value as T;
    },
  };
}

interface Entry {
  readonly value: unknown;
  readonly bytes: number;
}
