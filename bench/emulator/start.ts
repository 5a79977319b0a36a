import { randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { significant } from '../figures/numbers.ts';
import { startServer } from '../processes/local-server.ts';

/** How a server starts that holds many objects. */
export interface StartFigures {
  readonly objects: number;
  readonly journalMB: number;
  /** From the start of the process until it listens. */
  readonly seconds: number;
  readonly rssMB: number;
}

/** Lines of one write. */
const LINES = 10_000;

/**
 * Starts a server on the journal of so many objects, which are the updates of 1,000 sites. Their bodies are left out: a start looks at
 * the names of files only, and reads none.
 */
export async function measureStart(objects: number): Promise<StartFigures> {
  let journalMB = 0;
  let started = 0;
  const server = await startServer((dataDir) => {
    journalMB = writeJournal(join(dataDir, 's3'), objects);
    started = performance.now();
  });
  const seconds = (performance.now() - started) / 1000;
  const { rssBytes } = (await (await fetch(`${server.endpoint}/_fedcardio/health`)).json()) as { rssBytes: number };
  await server.stop();
  return { objects, journalMB, seconds: significant(seconds), rssMB: significant(rssBytes / 1e6) };
}

function writeJournal(directory: string, objects: number): number {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'journal.jsonl');
  const descriptor = openSync(file, 'w');
  const at = new Date().toISOString();
  writeSync(descriptor, `${JSON.stringify({ op: 'create-bucket', bucket: 'bench', at })}\n`);
  for (let first = 0; first < objects; first += LINES) {
    const count = Math.min(LINES, objects - first);
    const lines = Array.from({ length: count }, (_, index) => JSON.stringify(putOf(first + index, at)));
    writeSync(descriptor, `${lines.join('\n')}\n`);
  }
  closeSync(descriptor);
  return Math.round(statSync(file).size / 1e6);
}

/** The record of an update as the server writes it. */
function putOf(index: number, at: string) {
  const round = String(1 + Math.floor(index / 2000)).padStart(4, '0');
  const object = {
    key: `updates/site-${index % 1000}/campaign/teacher/hinge-points/${round}/${randomUUID()}.update.json`,
    bytes: 900,
    etag: randomUUID().replaceAll('-', ''),
    lastModified: at,
    sequencer: String(index).padStart(16, '0'),
    headers: { 'content-type': 'application/json' },
    checksum: { algorithm: 'crc32', type: 'FULL_OBJECT', value: 'AAAAAA==' },
    segments: [{ file: randomUUID(), bytes: 900 }],
  } as const;
  return { op: 'put', bucket: 'bench', object };
}
