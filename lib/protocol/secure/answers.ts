import type { z } from 'zod';
import { mapConcurrently } from '../../async.ts';
import { describeError, type FedcardioError, isFedcardioError, isOfDocument } from '../../error.ts';
import { federationKeys, type StepAddress } from '../../federation/keys.ts';
import type { FederationStore } from '../../storage/contract.ts';
import { readJson } from '../../storage/documents.ts';
import { listed } from '../../storage/listed.ts';
import { failureOfAll, type SiteRead, type Unreadable, unreadableOf } from '../../storage/unreadable.ts';

const READS_AT_ONCE = 16;

/** Longest short answer, bytes: shares of the keys of 25 sites for 1,000 rounds have 2 MB. */
export const MAX_STEP_BYTES = 8 * 1024 * 1024;

/** What sites have answered. */
export interface StepAnswers<T> {
  /** Usable answers, in the order of the sites. */
  readonly usable: readonly { readonly site: string; readonly value: T }[];
  /** Sites without an answer, or with one that the reader lacks the right to read. */
  readonly missing: readonly string[];
  /**
   * Why an answer cannot be read before an upgrade or without a right; undefined if there is none. A campaign that lacks answers
   * waits for it and does not end.
   */
  readonly unread?: FedcardioError | undefined;
  /** Sites with an answer that cannot be used, and why: it is created once, so that no other one will come. */
  readonly faulty: readonly { readonly site: string; readonly reason: string }[];
}

/** What was read of a site's answer: one of these. */
interface Read<T> {
  readonly value?: T;
  readonly reason?: string;
  readonly denied?: Unreadable;
  readonly newer?: FedcardioError | undefined;
}

/**
 * Reads the answers of sites to one question.
 *
 * @param check makes what is needed of a parsed answer; it throws `BAD_MESSAGE` for one that cannot be used
 * @throws FedcardioError `STORAGE` if the reader lacks the right to read any of the answers
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
  const found = await mapConcurrently(sites, READS_AT_ONCE, async (site): Promise<Read<T> | undefined> => {
    const key = federationKeys.stepAnswer(at, site, step);
    const object = await listed(store, key);
    if (!object) return undefined;
    if (object.bytes > MAX_STEP_BYTES) return { reason: `its answer has ${object.bytes} bytes` };
    try {
      return { value: check((await readJson(store, key, schema)).value, site) };
    } catch (error) {
      const unreadable = unreadableOf(error);
      if (unreadable && !unreadable.permanent) return { denied: unreadable };
      if (!unreadable && !isOfDocument(error)) throw error;
      const newer = isFedcardioError(error, 'NEWER_SCHEMA') ? error : undefined;
      return { reason: describeError(error).slice(0, 300), newer };
    }
  });
  const reads: SiteRead[] = [];
  for (const [index, site] of sites.entries()) {
    const answer = found[index];
    if (answer) reads.push({ site, unreadable: answer.denied });
    if (!answer || answer.denied) missing.push(site);
    else if (answer.reason !== undefined) faulty.push({ site, reason: answer.reason });
    else usable.push({ site, value: answer.value as T });
  }
  const failure = failureOfAll(reads, sites.length);
  if (failure) throw failure;
  const [unread] = found.flatMap((answer) => answer?.denied?.error ?? answer?.newer ?? []);
  return { usable, missing, faulty, unread };
}

/** Why answers are lacking, for people. */
export const lackOf = ({ missing, faulty }: Pick<StepAnswers<unknown>, 'missing' | 'faulty'>): readonly string[] => [
  ...faulty.map(({ site, reason }) => `${site}: ${reason}`),
  ...(missing.length > 0 ? [`no answer from ${missing.join(', ')}`] : []),
];
