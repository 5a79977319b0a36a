import type { Handler } from '../handler.ts';
import { readResults } from '../results/read.ts';

/** The scores of a campaign's models: those of `fedcardio report`. */
export const results: Handler<'results'> = (context, { params }) => readResults(context, params.campaign);
