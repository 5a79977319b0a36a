import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { collect } from '../async.ts';
import { describeError, FedcardioError, systemError } from '../error.ts';
import { whatIs } from '../federation/objects.ts';
import { type SentObject, sentObjectSchema } from '../federation/schemas.ts';
import { sha256Hex } from '../json.ts';
import type { ObjectStore } from './contract.ts';
import type { WaitOut } from './outages.ts';

/** A log of everything that is sent to a store. */
export interface SentLog {
  /**
   * Records an object before its first byte is sent. Nothing is lost with a crash afterwards.
   *
   * @returns records what became of it
   * @throws FedcardioError STORAGE_FULL or STORAGE if the log cannot be written: the object must not be sent then
   */
  begin(key: string, body: Uint8Array): (state: Exclude<SentObject['state'], 'sending'>) => void;
}

/** Opens the log, which several processes may append to at once. */
export function openSentLog(file: string, now: () => Date): SentLog {
  const append = (entry: SentObject) => {
    try {
      const log = openSync(file, 'a');
      try {
        // In one write, so that lines of several processes do not mix. A line begins with a line feed, because an earlier
        // one may be cut off by a full disk.
        writeSync(log, `\n${JSON.stringify(entry)}\n`);
        fsyncSync(log);
      } finally {
        closeSync(log);
      }
    } catch (error) {
      throw (
        systemError(error, file) ??
        new FedcardioError('STORAGE', `${file} cannot be written: ${describeError(error)}`, { cause: error })
      );
    }
  };
  return {
    begin(key, body) {
      const about = { id: randomUUID(), key, bytes: body.length, sha256: sha256Hex(body), what: whatIs(key) };
      const entry = (state: SentObject['state']): SentObject => ({
        schema: 'fedcardio.sent-object/1',
        at: now().toISOString(),
        state,
        ...about,
      });
      append(entry('sending'));
      return (state) => append(entry(state));
    },
  };
}

/**
 * A store that records what is written to it. Objects in parts are sent whole, because the log has their hash.
 *
 * @param waitOut waits while the log cannot be written
 */
export function recordingStore<K extends string>(
  store: ObjectStore<K>,
  log: SentLog,
  waitOut: WaitOut,
): ObjectStore<K> {
  async function recorded<T>(
    key: K,
    body: Uint8Array | string,
    write: (bytes: Uint8Array) => Promise<T>,
    stateOf: (result: T) => 'stored' | 'exists' = () => 'stored',
  ): Promise<T> {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const finish = await waitOut(async () => log.begin(key, bytes));
    const end = (state: Parameters<typeof finish>[0]) => waitOut(async () => finish(state));
    let result: T;
    try {
      result = await write(bytes);
    } catch (error) {
      await end('failed');
      throw error;
    }
    await end(stateOf(result));
    return result;
  }
  return {
    ...store,
    put: (key, body, options) => recorded(key, body, (bytes) => store.put(key, bytes, options)),
    putIfAbsent: (key, body) =>
      recorded(
        key,
        body,
        (bytes) => store.putIfAbsent(key, bytes),
        (outcome) => (outcome === 'created' ? 'stored' : 'exists'),
      ),
    putParts: async (key, parts) => {
      const whole = Buffer.concat(await collect(parts));
      return recorded(key, whole, (bytes) => store.put(key, bytes));
    },
  };
}

/**
 * Reads a log: each object once, with its last state, in the order of sending. Lines that a crash cut off, and those of a
 * newer release, are passed over.
 */
export function readSentLog(file: string): readonly SentObject[] {
  const objects = new Map<string, SentObject>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const entry = parseLine(line);
    if (entry) objects.set(entry.id, { ...entry, at: objects.get(entry.id)?.at ?? entry.at });
  }
  return [...objects.values()];
}

function parseLine(line: string): SentObject | undefined {
  try {
    return sentObjectSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
