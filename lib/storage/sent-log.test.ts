import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FederationKey, federationKeys } from '../federation/keys.ts';
import { sha256Hex } from '../json.ts';
import type { FederationStore } from './contract.ts';
import { openSentLog, readSentLog, recordingStore } from './sent-log.ts';
import { createMemoryStorage } from './testing-objects.ts';

const AT = { campaign: 'tavi', stage: 'student', round: 1 };
const SUMMARY = federationKeys.summary('kiel');
const WEIGHTS = federationKeys.updateWeights(AT, 'kiel', 'a'.repeat(64));
const atOnce = <T>(work: () => Promise<T>): Promise<T> => work();

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fedcardio-sent-'));
  file = join(folder, 'sent.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const log = () => openSentLog(file, () => new Date(0));
const entries = () =>
  readSentLog(file).map(({ key, bytes, sha256, state, what }) => ({ key, bytes, sha256, state, what }));

describe('a store with a log', () => {
  let store: FederationStore;
  beforeEach(() => {
    store = recordingStore(createMemoryStorage()<FederationKey>('heart-federation'), log(), atOnce);
  });

  test('records what is written, what it is, and what became of it', async () => {
    async function* parts() {
      yield Buffer.from('we');
      yield Buffer.from('ights');
    }

    await store.put(SUMMARY, '{"cases":1}');
    await store.putIfAbsent(federationKeys.update(AT, 'kiel', 'failed'), 'no');
    await store.putIfAbsent(federationKeys.update(AT, 'kiel', 'failed'), 'no');
    await store.putParts(WEIGHTS, parts());
    const refused = store.put(SUMMARY, 'new', { ifMatch: '"other"' });

    await expect(refused).rejects.toThrow(expect.objectContaining({ code: 'PRECONDITION_FAILED' }));
    const of = (key: string, body: string, state: string, what: string) => ({
      ...{ key, bytes: body.length, sha256: sha256Hex(body), state, what },
    });
    const failure = 'updates/kiel/tavi/student/0001/failed.update.json';
    expect(entries()).toEqual([
      of('sites/kiel/summary.json', '{"cases":1}', 'stored', 'counts of cases and labels'),
      of(failure, 'no', 'stored', 'a failure, in place of an update'),
      of(failure, 'no', 'exists', 'a failure, in place of an update'),
      of(WEIGHTS, 'weights', 'stored', "a site's weights, whole or as a difference, named by their bytes"),
      of('sites/kiel/summary.json', 'new', 'failed', 'counts of cases and labels'),
    ]);
    expect((await store.get(WEIGHTS)).body).toEqual(Uint8Array.from(Buffer.from('weights')));
  });

  test('sends nothing that cannot be recorded', async () => {
    rmSync(folder, { recursive: true });

    await expect(store.put(SUMMARY, '{}')).rejects.toThrow('sent.jsonl');

    expect(await store.head(SUMMARY)).toBeUndefined();
  });
});

describe('a log', () => {
  test('has an object before it is sent', () => {
    log().begin(SUMMARY, Buffer.from('{}'));

    expect(entries()).toMatchObject([{ key: SUMMARY, state: 'sending' }]);
  });

  test('goes on behind a line that was cut off', () => {
    log().begin(SUMMARY, Buffer.from('{}'))('stored');
    appendFileSync(file, readFileSync(file, 'utf8').slice(0, 80));
    log().begin(WEIGHTS, Buffer.from('w'))('stored');

    expect(entries()).toMatchObject([
      { key: SUMMARY, state: 'stored' },
      { key: WEIGHTS, state: 'stored' },
    ]);
  });
});
