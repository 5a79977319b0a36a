import type { Handlers } from '../handler.ts';
import { campaign, controlCampaign, curves } from './campaign.ts';
import { campaigns } from './campaigns.ts';
import { chain, chainDocument } from './chain.ts';
import { forecast } from './forecast.ts';
import { HOSPITAL_HANDLERS } from './hospital/handlers.ts';
import { failures, releases } from './operations.ts';
import * as predict from './predict.ts';
import { letters, queues, redrive } from './queues.ts';
import { results } from './results.ts';
import { session } from './session.ts';

/** What answers each route of page/api/routes.ts. */
export const HANDLERS: Handlers = {
  session,
  campaigns,
  campaign,
  curves,
  controlCampaign,
  results,
  chain,
  document: chainDocument,
  queues,
  letters,
  redrive,
  failures,
  releases,
  forecast,
  ...HOSPITAL_HANDLERS,
  ...predict,
};
