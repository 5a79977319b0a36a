import type { HandlerContext } from '../handlers/context.ts';
import { rescan } from '../handlers/rescan.ts';
import { sweep } from '../handlers/sweep.ts';
import { describeError, FedcardioError } from '../lib/error.ts';
import { type PeriodicFunction, periodicFunctions } from '../lib/federation/functions.ts';
import type { Federation } from '../lib/federation/schemas.ts';
import type { Topology } from '../lib/federation/topology.ts';
import { deleteExpired } from './expiry.ts';
import type { RunnerOptions } from './queue-runner.ts';

export interface Sweeps {
  /** From the end of a sweep to the next. */
  readonly everySeconds: number;
  /** Age at which a sweep sends a GPU task again. */
  readonly resendAfterSeconds?: number;
  /** Least time from a rescan of the sites' cases to the next. 10 minutes by default. */
  readonly rescanEverySeconds?: number;
}

type StartPeriodic = (context: HandlerContext, options: Sweeps, own: Federation) => () => Promise<void>;

/** The real functions of the schedules, each with its memory of earlier calls. All are called at every sweep. */
const PERIODIC: Readonly<Record<PeriodicFunction, StartPeriodic>> = {
  sweep: periodicSweep,
  rescan: periodicRescan,
};

/**
 * The functions of the schedules.
 *
 * @param own the federation with those sites only whose uploads this machine examines
 * @param machine the buckets of an on-premises site's machine; undefined on the coordinator's
 */
export function sweepsOf(
  options: Sweeps,
  context: HandlerContext,
  own: Federation,
  machine: Pick<Topology, 'buckets'> | undefined,
): NonNullable<RunnerOptions['sweep']> {
  const scopes = machine ? (['site'] as const) : (['federation', 'site'] as const);
  const functions = [
    ...(machine ? [periodicExpiry(context, machine)] : []),
    ...scopes.flatMap((scope) => periodicFunctions(scope).map(({ name }) => PERIODIC[name](context, options, own))),
  ];
  return {
    everySeconds: options.everySeconds,
    run: async () => {
      const failures: unknown[] = [];
      for (const periodic of functions) await periodic().catch((error: unknown) => failures.push(error));
      if (failures.length > 1) throw new AggregateError(failures, failures.map(describeError).join(' '));
      if (failures.length > 0) throw failures[0];
    },
  };
}

/** GPU tasks of an earlier run ended with its process, so the first sweep sends all unanswered ones again. */
function periodicSweep(context: HandlerContext, { resendAfterSeconds }: Sweeps): () => Promise<void> {
  const later = resendAfterSeconds === undefined ? {} : { resendAfterSeconds };
  let isFirst = true;
  return async () => {
    await sweep(context, isFirst ? { resendAfterSeconds: 0 } : later);
    isFirst = false;
  };
}

const EXPIRY_EVERY_MS = 86_400_000;

/** Does each day what the lifecycle rules of a bucket do on AWS. */
function periodicExpiry({ siteStore, now, log }: HandlerContext, { buckets }: Pick<Topology, 'buckets'>) {
  let dueAt = 0;
  return async () => {
    if (performance.now() < dueAt) return;
    let [left, why]: [number, unknown] = [0, undefined];
    for (const bucket of buckets) {
      const { site } = bucket;
      if (site === undefined) continue;
      const { deleted, kept, failure } = await deleteExpired(siteStore(site), bucket, now());
      if (deleted > 0) log('objects-expired', { site, objects: deleted });
      left += kept;
      why ??= failure;
    }
    dueAt = performance.now() + EXPIRY_EVERY_MS;
    if (left > 0) {
      throw new FedcardioError('STORAGE', `Expired objects that cannot be deleted: ${left}. ${describeError(why)}`);
    }
  };
}

const RESCAN_EVERY_SECONDS = 600;
/** A long rescan is continued at the next sweep, so that it does not delay the rounds' deadlines. */
const RESCAN_SLICE_SECONDS = 20;

function periodicRescan(
  context: HandlerContext,
  { rescanEverySeconds = RESCAN_EVERY_SECONDS }: Sweeps,
  own: Federation,
): () => Promise<void> {
  let dueAt = 0;
  return async () => {
    if (performance.now() < dueAt) return;
    const { isDone, failure } = await rescan({ ...context, federation: own }, RESCAN_SLICE_SECONDS);
    if (isDone) dueAt = performance.now() + rescanEverySeconds * 1000;
    if (failure) throw failure;
  };
}
