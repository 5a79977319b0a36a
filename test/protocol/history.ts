/** Everything that was ever written, in order: what the invariants are checked against. */
export interface History {
  /** Number of writes so far: a moment. */
  readonly moment: () => number;
  readonly record: (key: string, body: Uint8Array | string) => void;
  /** All versions of an object, oldest first. */
  readonly versions: (key: string) => readonly Version[];
  /** The version at a moment, and those since. */
  readonly since: (key: string, moment: number) => readonly Version[];
  /** The object as it was at a moment, or is now. */
  readonly at: (key: string, moment?: number) => Version | undefined;
  /** The keys ever written, in the order of their first writing. */
  readonly keys: () => Iterable<string>;
}

export interface Version {
  readonly moment: number;
  readonly body: Buffer;
}

export function createHistory(): History {
  const stored = new Map<string, Version[]>();
  let moment = 0;
  const versions = (key: string): readonly Version[] => stored.get(key) ?? [];
  const at = (key: string, when = moment) => versions(key).findLast((version) => version.moment <= when);
  return {
    moment: () => moment,
    record: (key, body) => {
      moment++;
      const version = { moment, body: typeof body === 'string' ? Buffer.from(body) : Buffer.from(body) };
      stored.set(key, [...versions(key), version]);
    },
    versions,
    since: (key, when) => {
      const before = at(key, when);
      return [...(before ? [before] : []), ...versions(key).filter((version) => version.moment > when)];
    },
    at,
    keys: () => stored.keys(),
  };
}

/** A version's JSON, as the product wrote it: it is not for the model to excuse what is not of its schema. */
export const jsonOf = <T>(version: Version): T => JSON.parse(version.body.toString()) as T;
