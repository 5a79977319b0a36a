import type { z } from 'zod';
import { mapConcurrently } from '../../async.ts';
import { describeError, type FedcardioError, isFedcardioError } from '../../error.ts';
import { federationKeys, type StepAddress } from '../../federation/keys.ts';
import type { FederationStore } from '../../storage/contract.ts';
import { readJson } from '../../storage/documents.ts';
import { listed } from '../../storage/listed.ts';
import { failureOfAll, unreadableOf } from '../../storage/unreadable.ts';

const READS_AT_ONCE = 16;

/** Longest short answer, bytes: shares of the keys of 25 sites for 1,000 rounds have 2 MB. */
const MAX_STEP_BYTES = 8 * 1024 * 1024;

/** What sites have answered. */
export interface StepAnswers<T> {
  /** Usable answers, in the order of the sites. */
  readonly usable: readonly { readonly site: string; readonly value: T }[];
  /** Sites without an answer. */
  readonly missing: readonly string[];
  /** Why the answer of a site is as good as missing that a right may make readable. */
  readonly denied?: FedcardioError | undefined;
  /** Sites with an answer that cannot be used, and why: it is created once, so that no other one will come. */
  readonly faulty: readonly { readonly site: string; readonly reason: string }[];
}

/**
 * Reads the answers of sites to one question.
 *
 * @throws FedcardioError `STORAGE` if the answers of all sites cannot be read
 * @param check makes what is needed of a parsed answer; it throws `BAD_MESSAGE` for one that cannot be used
 */
export async function readStepAnswers<S extends z.ZodType, T>(
  store: Pick<FederationStore, 'bucket' | 'list' | 'tryGet'>,
  at: StepAddress,
  step: string,
  sites: readonly string[],
  schema: S,
  check: (answer: z.infer<S>, site: string) => T,
): Promise<StepAnswers<T>> {
  const usable: { site: string; value: T }[] = [];
  const faulty: { site: string; reason: string }[] = [];
  const missing: string[] = [];
  const found = await mapConcurrently(sites, READS_AT_ONCE, async (site) => {
    const key = federationKeys.stepAnswer(at, site, step);
    const object = await listed(store, key);
    if (!object) return undefined;
    if (object.bytes > MAX_STEP_BYTES) return { reason: `its answer has ${object.bytes} bytes` };
    try {
      return { value: check((await readJson(store, key, schema)).value, site) };
    } catch (error) {
      const unreadable = unreadableOf(error);
      const isItsFault =
        unreadable !== undefined || isFedcardioError(error, 'BAD_MESSAGE') || isFedcardioError(error, 'NEWER_SCHEMA');
      if (!isItsFault) throw error;
      return { reason: describeError(error).slice(0, 300), unreadable };
    }
  });
  const deniedOf = (answer: (typeof found)[number]) =>
    answer?.unreadable?.permanent === false ? answer.unreadable : undefined;
  const reads = sites.flatMap((site, index) => (found[index] ? [{ site, unreadable: deniedOf(found[index]) }] : []));
  const failure = failureOfAll(reads, sites.length);
  if (failure) throw failure;
  for (const [index, site] of sites.entries()) {
    const answer = found[index];
    // A right may make it readable: until the deadline it is as if it had not come.
    if (!answer || deniedOf(answer)) missing.push(site);
    else if ('reason' in answer) faulty.push({ site, reason: answer.reason as string });
    else usable.push({ site, value: answer.value as T });
  }
  return { usable, missing, faulty, denied: found.map(deniedOf).find((one) => one)?.error };
}

/** Why answers are lacking, for people. */
export const lackOf = ({ missing, faulty }: Pick<StepAnswers<unknown>, 'missing' | 'faulty'>): readonly string[] => [
  ...faulty.map(({ site, reason }) => `${site}: ${reason}`),
  ...(missing.length > 0 ? [`no answer from ${missing.join(', ')}`] : []),
];
