import type { Handler } from '../../handler.ts';
import { perContext } from '../../hospital/per-context.ts';
import { createReadinessJob } from '../../hospital/readiness-job.ts';

const jobOf = perContext(createReadinessJob);

/** What the last check found, or has found so far. */
export const readiness: Handler<'readiness'> = async (context, { query: { after } }) => {
  const { version, value } = await jobOf(context).live.next(after);
  return { version, ...(value && { state: value }) };
};

export const readinessStart: Handler<'readinessStart'> = async (context) => {
  jobOf(context).start();
  return {};
};
