import { lambdaFunction } from './lambda/function.ts';
import { rescan } from './rescan.ts';

/** Lambda entry point of a site's schedule. The event has no content that is used. */
export const handler = lambdaFunction('rescan', (_event: unknown, context) => rescan(context));
