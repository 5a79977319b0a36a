import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { table } from '../cli/table.ts';
import { NODE_WITH_TSX } from '../cli/tsx.ts';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { createQueues } from '../lib/aws/queues.ts';
import type { Federation } from '../lib/federation/schemas.ts';
import { topologyOf } from '../lib/federation/topology.ts';
import { storesOf } from '../lib/storage/stores.ts';
import { deploy } from '../local/deploy/deploy.ts';
import { significant } from './figures/numbers.ts';
import { PAPER_SITES, type SiteSize, siteCases } from './intake/cases.ts';
import { checkIntake } from './intake/check.ts';
import type { IntakeFigures } from './intake/intake-process.ts';
import { createUploader } from './intake/upload.ts';

export const summary = "Intake of the paper's 8,124 cases, some invalid, into eight buckets by presigned URLs";

const SERVER = fileURLToPath(new URL('intake/server-process.ts', import.meta.url));
const WORKER = fileURLToPath(new URL('intake/intake-process.ts', import.meta.url));
/** One case in this many is invalid. */
const BAD_EVERY = 100;

/**
 * Uploads the cases of eight hospitals while intake handles them. One process uploads, one is the embedded server, and one
 * runs the real handler. FEDCARDIO_BENCH_SHARE="0.1" reduces each hospital to a tenth; FEDCARDIO_BENCH_CASES=10000 uploads so many
 * cases to one hospital instead. To profile all three:
 * `node --cpu-prof bin/fedcardio.mjs bench intake`.
 *
 * @returns cases per second from the first upload to the last case done, cost per case, and peak memory of intake
 * @throws Error if a case is lost, counted twice or wrong
 */
export async function run(): Promise<Readonly<Record<string, unknown>>> {
  const { FEDCARDIO_BENCH_SHARE: share, FEDCARDIO_BENCH_CASES: ofOne } = process.env;
  const sites = ofOne === undefined ? sizes(Number(share ?? 1)) : [oneSite(Number(ofOne))];
  const bySite = sites.map((size) => siteCases(size, BAD_EVERY));
  const cases = bySite.flat();
  const federation: Federation = {
    schema: 'fedcardio.federation/1',
    id: 'load',
    sites: sites.map(({ site }) => ({ id: site, name: site })),
  };
  const dataDir = mkdtempSync(join(tmpdir(), 'fedcardio-bench-'));
  const children: ChildProcess[] = [];
  const start = (file: string, ...args: readonly string[]) => {
    const child = fork(file, args, { execArgv: [...process.execArgv, ...NODE_WITH_TSX] });
    children.push(child);
    return child;
  };
  try {
    const server = start(SERVER, dataDir);
    const { endpoint } = await answer<{ readonly endpoint: string }>(server);
    await deploy(endpoint, topologyOf(federation));
    const storage = {
      ...storesOf(createObjectStorage({ endpoint }), federation.id),
      queues: createQueues({ endpoint }),
    };
    const worker = start(WORKER, endpoint, JSON.stringify(federation), String(cases.length));
    await answer(worker);
    const uploader = createUploader(endpoint, federation.id, storage.queues);

    const cpuBefore = process.cpuUsage();
    const started = Date.now() / 1000;
    const sent = await Promise.all(bySite.map(uploader.site));
    const uploadSeconds = Date.now() / 1000 - started;
    uploader.close();
    const { user, system } = process.cpuUsage(cpuBefore);
    worker.send('figures when idle');
    const intake = await answer<IntakeFigures>(worker);
    server.send('figures');
    const { cpuSeconds } = await answer<{ readonly cpuSeconds: number }>(server);
    await checkIntake(storage, federation, cases);

    const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
    const uploads = total(sent.map(({ uploads }) => uploads));
    const each = (amount: number) => significant(amount / cases.length);
    const figures = {
      cases: cases.length,
      uploads,
      duplicateEvents: total(sent.map(({ duplicateEvents }) => duplicateEvents)),
      casesPerSecond: significant(cases.length / (intake.doneAt - started)),
      uploadsPerSecond: significant(uploads / uploadSeconds),
      requestsPerCase: each(total(Object.values(intake.requests))),
      bytesReadPerCase: each(intake.bytesRead),
      /** After an eighth, a half and all of the cases. */
      peakRssMB: intake.peakRssMB,
      cpuMsPerCase: {
        intake: each(1000 * intake.cpuSeconds),
        server: each(1000 * cpuSeconds),
        uploader: each((user + system) / 1000),
      },
    };
    const requests = Object.entries(intake.requests).sort(([, a], [, b]) => b - a);
    const rows = requests.map(([kind, count]) => [kind, String(each(count))]);
    console.error(`${table(['requests of intake', 'per case'], rows).join('\n')}\n`);
    const text = (value: unknown) =>
      JSON.stringify(value)
        .replaceAll(/["{}[\]]/g, '')
        .replaceAll(/[,:]/g, '$& ');
    const lines = Object.entries(figures).map(([name, value]) => [name, text(value)]);
    console.error(`${table(['figure', 'value'], lines).join('\n')}\n`);
    return figures;
  } finally {
    await Promise.all(children.map(end));
    rmSync(dataDir, { recursive: true });
  }
}

function sizes(share: number): readonly SiteSize[] {
  const part = (count: number) => Math.ceil(count * share);
  return PAPER_SITES.map(({ site, cases, labels }) => ({
    site,
    cases: part(cases),
    labels: Object.fromEntries(Object.entries(labels).map(([task, count]) => [task, part(count)])),
  }));
}

/** A hospital with so many cases, and labels of a tenth. */
const oneSite = (cases: number): SiteSize => ({
  site: 'heidelberg',
  cases,
  labels: {
    'hinge-points': Math.ceil(cases / 10),
    'membranous-septum': Math.ceil(cases / 10),
    calcification: Math.ceil(cases / 10),
  },
});

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.disconnect();
  await gone;
}

/** The next message of a child process. */
function answer<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`A process of the benchmark ended with ${code}.`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message as T);
    });
  });
}
