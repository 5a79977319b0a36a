import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { endSentence, FedcardioError } from '../lib/error.ts';
import type { Say } from './launch.ts';

const healthSchema = z.object({ version: z.string(), services: z.record(z.string(), z.string()) });

/** Version of the LocalStack at an endpoint; undefined without an answer, or from another server. */
export async function localStackVersion(endpoint: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${endpoint}/_localstack/health`, { signal: AbortSignal.timeout(2000) });
    return healthSchema.parse(await response.json()).version;
  } catch {
    return undefined;
  }
}

const POLL_MS = 200;
const REPORT_SECONDS = 10;
/** Starting takes seconds, or a minute on a busy machine. */
const TIMEOUT_SECONDS = 180;

/**
 * Waits until LocalStack answers, and reports every ten seconds that it still waits.
 *
 * @param options `failure` returns the reason once LocalStack cannot start; `advice` is the hint of the error
 * @throws FedcardioError BAD_CONFIGURATION if it failed or took three minutes
 */
export async function waitForHealth(
  endpoint: string,
  say: Say,
  { failure, advice }: { readonly failure: () => string | undefined; readonly advice: string },
): Promise<void> {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 1000);
  for (let next = REPORT_SECONDS; ; await sleep(POLL_MS)) {
    const version = await localStackVersion(endpoint);
    if (version !== undefined) return say(`LocalStack ${version} is ready at ${endpoint} (${seconds()} s)`);
    const reason = failure() ?? (seconds() > TIMEOUT_SECONDS ? `no answer in ${TIMEOUT_SECONDS} s` : undefined);
    if (reason !== undefined) {
      throw new FedcardioError('BAD_CONFIGURATION', endSentence(`LocalStack did not start: ${reason}`), {
        hint: advice,
      });
    }
    if (seconds() >= next) {
      say(`LocalStack is starting (${seconds()} s)`);
      next += REPORT_SECONDS;
    }
  }
}
