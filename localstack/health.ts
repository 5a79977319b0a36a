import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { FedcardioError } from '../lib/error.ts';
import type { Say } from './launch.ts';

const healthSchema = z.object({ version: z.string(), services: z.record(z.string(), z.string()) });

/** LocalStack's version where it answers; undefined where nobody does, or somebody else. */
export async function localStackVersion(endpoint: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${endpoint}/_localstack/health`, { signal: AbortSignal.timeout(2000) });
    return healthSchema.parse(await response.json()).version;
  } catch {
    return undefined;
  }
}

const POLL_MS = 200;
const SAY_SECONDS = 10;
/** A container's image may have to be fetched before; then it takes seconds, on a busy machine a minute. */
const TIMEOUT_SECONDS = 180;

/**
 * Waits until LocalStack answers, and says every ten seconds that it still waits.
 *
 * @param failure why it will never answer, once that is known; `advice` where to look
 * @throws FedcardioError BAD_CONFIGURATION when it failed, or took three minutes
 */
export async function waitForHealth(
  endpoint: string,
  say: Say,
  { failure, advice }: { readonly failure: () => string | undefined; readonly advice: string },
): Promise<void> {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 1000);
  for (let next = SAY_SECONDS; ; await sleep(POLL_MS)) {
    const version = await localStackVersion(endpoint);
    if (version !== undefined) return say(`LocalStack ${version} is ready at ${endpoint} (${seconds()} s)`);
    const reason = failure() ?? (seconds() > TIMEOUT_SECONDS ? `no answer in ${TIMEOUT_SECONDS} s` : undefined);
    if (reason !== undefined) {
      throw new FedcardioError('BAD_CONFIGURATION', `LocalStack did not start: ${reason}`, { hint: advice });
    }
    if (seconds() >= next) {
      say(`LocalStack is starting (${seconds()} s)`);
      next += SAY_SECONDS;
    }
  }
}
