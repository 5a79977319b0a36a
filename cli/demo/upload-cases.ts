import { fork } from 'node:child_process';
import { endSentence, FedcardioError } from '../../lib/error.ts';
import { programProcess } from '../../lib/program.ts';
import type { OutageEvent } from '../../lib/storage/outages.ts';
import type { DemoCase, Scenario } from './scenario.ts';
import type { UploadAnswer, UploadOrder } from './upload-worker.ts';

export interface UploadOptions {
  readonly endpoint: string;
  readonly scenario: Scenario;
  readonly cases: readonly DemoCase[];
  /** Number of processes that generate and upload. */
  readonly workers: number;
  readonly signal: AbortSignal;
  readonly onUploaded: (demoCase: DemoCase) => void;
  readonly onOutage: (event: OutageEvent) => void;
}

/**
 * Generates the phantoms and uploads them over the S3 API. Generating is CPU-bound and runs in child processes, so that the
 * event loop of this process stays free for the server and the handlers.
 */
export async function uploadCases(options: UploadOptions): Promise<void> {
  const left = [...options.cases];
  const next = () => left.shift();
  const workers = Math.min(options.workers, left.length);
  // If one process fails, the others are ended too.
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  try {
    await Promise.all(Array.from({ length: workers }, () => runWorker({ ...options, signal }, next)));
  } finally {
    failed.abort();
  }
}

function runWorker(options: UploadOptions, next: () => DemoCase | undefined): Promise<void> {
  const { endpoint, scenario, signal, onUploaded, onOutage } = options;
  const { file, execArgv } = programProcess('cli/demo/upload-worker.ts');
  const child = fork(file, [], {
    execArgv: [...execArgv],
    signal,
    // In its own process group, because on Ctrl-C this process ends it.
    detached: true,
  });
  return new Promise((resolve, reject) => {
    let current: DemoCase | undefined;
    const proceed = () => {
      current = next();
      if (!current) return child.disconnect();
      const { profile, seed } = scenario;
      child.send({ endpoint, profile, seed, site: current.site.id, caseId: current.caseId } satisfies UploadOrder);
    };
    child.on('message', (answer: UploadAnswer) => {
      if (answer.status === 'outage') return onOutage(answer.outage);
      if (answer.status === 'failed') return reject(failure(current, answer.reason));
      if (current) onUploaded(current);
      proceed();
    });
    child.on('error', (error) => reject(signal.aborted ? signal.reason : error));
    child.on('exit', (code, killedBy) => {
      if (signal.aborted) reject(signal.reason);
      else if (code === 0 && !current) resolve();
      else reject(failure(current, `its process ended with ${killedBy ?? `code ${code}`}`));
    });
    proceed();
  });
}

function failure(demoCase: DemoCase | undefined, reason: string): FedcardioError {
  const what = demoCase ? `${demoCase.site.id}/${demoCase.caseId}` : 'the cases';
  return new FedcardioError('STORAGE', endSentence(`The upload of ${what} failed: ${reason}`));
}
