import { describeError, FedcardioError } from '../lib/error.ts';
import { type RescanContext, rescanSite } from '../lib/intake/rescan.ts';
import { readTasks } from '../lib/storage/federation-tasks.ts';
import type { HandlerContext } from './context.ts';
import { reportCase, reportUncounted, shownSubject, summaryCache } from './intake.ts';

export interface Rescanned {
  /** Whether every case was looked at; otherwise the next call continues. */
  readonly isDone: boolean;
  /** `STORAGE` if cases could not be examined: the next call tries again. */
  readonly failure: FedcardioError | undefined;
}

/** Seconds after which no further batch of cases starts. A batch of large CTs takes minutes. */
const RESCAN_SECONDS = 600;

/**
 * Makes up for lost events of the sites that the context's federation lists: on AWS the function's own site, elsewhere
 * those of the machine. A site that fails does not stop the others.
 *
 * @param seconds after which no further batch of cases starts
 */
export async function rescan(context: HandlerContext, seconds = RESCAN_SECONDS): Promise<Rescanned> {
  const { federation, federationStore, siteStore, now, log } = context;
  const until = new Date(now().getTime() + seconds * 1000);
  const tasks = await readTasks(context);
  const reasons: string[] = [];
  let remaining = 0;
  for (const { id: site } of federation.sites) {
    const own: RescanContext = { store: siteStore(site), site, tasks, now };
    try {
      const report = await rescanSite(own, federationStore, summaryCache, {
        until,
        onExamined: ({ subject, result, repaired }) => {
          if (repaired && !(result instanceof Error)) reportCase(context, own, subject, result);
        },
      });
      const { listed, examined, repaired, failed, uncounted, erased } = report;
      if (erased > 0) log('withdrawn-erased', { site, versions: erased });
      if (examined > 0) log('site-rescanned', { site, listed, examined, repaired: repaired.length });
      for (const { subject, reason } of failed) log('rescan-failed', { site, case: shownSubject(subject), reason });
      for (const one of uncounted) reportUncounted(context, own, one);
      // Without the case, which the log names: the error may be shown elsewhere.
      reasons.push(...failed.map(({ reason }) => `${site}: ${reason}`));
      remaining += report.remaining;
    } catch (error) {
      log('rescan-failed', { site, reason: describeError(error) });
      reasons.push(`${site}: ${describeError(error)}`);
    }
  }
  const failure =
    reasons.length === 0
      ? undefined
      : new FedcardioError('STORAGE', `The rescan met ${reasons.length} failures, first ${reasons[0]}`, {
          hint: 'Nothing is lost: the next rescan tries again. The log names every case.',
        });
  return { isDone: remaining === 0, failure };
}
