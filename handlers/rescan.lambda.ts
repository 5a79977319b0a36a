import { lambdaFunction } from './lambda/function.ts';
import { rescan } from './rescan.ts';

/** Lambda entry point of a site's schedule. The event has no content that is used. */
export const handler = lambdaFunction('rescan', async (_event: unknown, context) => {
  const { isDone, failure } = await rescan(context);
  if (failure) throw failure;
  return isDone;
});
