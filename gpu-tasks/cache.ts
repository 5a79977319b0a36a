/**
 * What a warm process remembers between tasks: values by a key that names their content (bucket, key, ETag), the
 * least recently used forgotten first.
 */
export interface Cache {
  get<T>(key: string, load: () => Promise<{ readonly value: T; readonly bytes: number }>): Promise<T>;
}

export function createCache(maxBytes: number): Cache {
  const entries = new Map<string, { readonly value: unknown; readonly bytes: number }>();
  let held = 0;
  return {
    async get<T>(key: string, load: () => Promise<{ readonly value: T; readonly bytes: number }>) {
      const known = entries.get(key);
      const entry = known ?? (await load());
      if (known) entries.delete(key);
      else held += entry.bytes;
      entries.set(key, entry);
      for (const [oldest, { bytes }] of entries) {
        if (held <= maxBytes || oldest === key) break;
        entries.delete(oldest);
        held -= bytes;
      }
      return entry.value as T;
    },
  };
}
