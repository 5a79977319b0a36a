/** All writes in order. The rules are checked against them. */
export interface History {
  /** Number of writes so far. */
  readonly revision: () => number;
  readonly record: (key: string, body: Uint8Array | string) => void;
  /** All versions of an object, oldest first. */
  readonly versions: (key: string) => readonly Version[];
  /** The version at a revision and all later ones. */
  readonly since: (key: string, revision: number) => readonly Version[];
  /** The version at a revision; the current one by default. */
  readonly at: (key: string, revision?: number) => Version | undefined;
  /** All keys, in the order of their first write. */
  readonly keys: () => Iterable<string>;
}

export interface Version {
  readonly revision: number;
  readonly body: Buffer;
}

export function createHistory(): History {
  const stored = new Map<string, Version[]>();
  let revision = 0;
  const versions = (key: string): readonly Version[] => stored.get(key) ?? [];
  const at = (key: string, when = revision) => versions(key).findLast((version) => version.revision <= when);
  return {
    revision: () => revision,
    record: (key, body) => {
      revision++;
      const version = { revision, body: typeof body === 'string' ? Buffer.from(body) : Buffer.from(body) };
      stored.set(key, [...versions(key), version]);
    },
    versions,
    since: (key, when) => {
      const before = at(key, when);
      return [...(before ? [before] : []), ...versions(key).filter((version) => version.revision > when)];
    },
    at,
    keys: () => stored.keys(),
  };
}

/** A version as JSON. The model assumes the schema and lets a violation surface as an error. */
export const jsonOf = <T>(version: Version): T => JSON.parse(version.body.toString()) as T;
