import { listCampaignsWith } from '../../campaign/listed.ts';
import { deployedOf } from '../../cost/federation.ts';
import { totalOf } from '../../cost/lines.ts';
import { idleLines } from '../../cost/month-lines.ts';
import { noCostReason } from '../../cost/no-cost.ts';
import { PRICES } from '../../cost/prices.ts';
import { ASSUMPTIONS } from '../../cost/workload.ts';
import type { Handler } from '../handler.ts';
import { createEstimate } from './campaigns.ts';

/** What `fedcardio cost` estimates for this federation: an idle month, and each campaign that runs. */
export const forecast: Handler<'forecast'> = async (context) => {
  const { declared, reader } = context;
  if (!declared) return { noCost: 'Start the page with --federation federation.json to see what a month costs.' };
  try {
    const lines = idleLines(deployedOf(declared, PRICES), ASSUMPTIONS, PRICES).filter(({ usd }) => usd > 0);
    const costOf = createEstimate(context);
    const listed = await listCampaignsWith({ federationStore: reader }, async (overview) => ({
      cost: overview.endedAt === undefined ? await costOf(overview) : undefined,
    }));
    return {
      estimate: {
        region: PRICES.region,
        asOf: PRICES.asOf,
        casesPerSite: ASSUMPTIONS.casesPerSite,
        caseMegabytes: ASSUMPTIONS.caseMegabytes,
        idle: {
          usd: totalOf(lines),
          lines: lines.map(({ what, quantity, unit, usd }) => ({ what, quantity, unit, usd })),
        },
        campaigns: listed.flatMap(({ campaign, phase, cost }) => (cost ? [{ campaign, phase, ...cost }] : [])),
      },
    };
  } catch (error) {
    return { noCost: noCostReason(error) };
  }
};
