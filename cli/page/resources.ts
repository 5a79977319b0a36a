import { sha256Hex } from '../../lib/json.ts';

/** What was read last, as it is sent. */
interface Resource {
  readonly text: string;
  readonly etag: string;
}

export interface Resources {
  /** The resource, read by `read` unless that was done a moment ago. Several callers at once cost one read. */
  get(key: string, read: () => Promise<unknown>): Promise<Resource>;
  /** Forgets all, after something was changed. */
  clear(): void;
}

export interface ResourcesOptions {
  /** Milliseconds of a clock that only moves forward. */
  readonly now: () => number;
  /** Whether the budget of live requests allows reading again. */
  readonly mayRefresh: () => boolean;
}

/** A resource is read at most once in this time, ms, whatever the number of tabs. Also one that cannot be read. */
export const REFRESH_MS = 4000;

/** Most resources that are kept; the one that was asked for longest ago goes first. */
const KEPT = 100;

interface Entry {
  readonly result: Promise<Resource>;
  /** When reading began. */
  readonly at: number;
  state: 'reading' | 'read' | 'failed';
}

/** Keeps what was read, so that tabs that ask for the same cost nothing. */
export function createResources({ now, mayRefresh }: ResourcesOptions): Resources {
  const entries = new Map<string, Entry>();
  const isUsable = ({ at, state }: Entry) =>
    state === 'reading' || now() - at < REFRESH_MS || (state === 'read' && !mayRefresh());

  function begin(read: () => Promise<unknown>): Entry {
    const result = read().then((value): Resource => {
      const text = JSON.stringify(value);
      return { text, etag: `"${sha256Hex(text).slice(0, 32)}"` };
    });
    const entry: Entry = { result, at: now(), state: 'reading' };
    result.then(
      () => {
        entry.state = 'read';
      },
      () => {
        entry.state = 'failed';
      },
    );
    return entry;
  }

  return {
    get: (key, read) => {
      const known = entries.get(key);
      const entry = known && isUsable(known) ? known : begin(read);
      entries.delete(key);
      entries.set(key, entry);
      for (const oldest of entries.keys()) {
        if (entries.size <= KEPT) break;
        entries.delete(oldest);
      }
      return entry.result;
    },
    clear: () => entries.clear(),
  };
}
