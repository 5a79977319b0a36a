import type { Campaign, Federation } from '../../lib/federation/schemas.ts';
import { DEFAULT_TASKS } from '../../lib/federation/tasks.ts';
import { campaignLines } from './campaign-lines.ts';
import { deployedOf } from './federation.ts';
import { type Line, totalOf } from './lines.ts';
import { clientLines, idleLines, serverLines } from './month-lines.ts';
import type { Prices } from './prices.ts';
import { type Assumptions, type StageWork, workOf } from './workload.ts';

interface Sum {
  readonly lines: readonly Line[];
  readonly usd: number;
}

interface AccountSum {
  readonly account: string;
  readonly sites: number;
  readonly usd: number;
  readonly cases: number;
}

export interface Estimate {
  readonly federation: string;
  /** On AWS, and on machines of their own. */
  readonly sites: number;
  readonly onPremises: number;
  readonly assumptions: Assumptions;
  readonly prices: Prices;
  readonly work: readonly StageWork[];
  /** One campaign. */
  readonly campaign: Sum;
  /** One idle month. */
  readonly idle: Sum;
  /** The same month by account, the coordinator's first. `cases`: storage of the hospitals' cases, which `usd` includes. */
  readonly accounts: readonly AccountSum[];
  /** The same month of an always-on server, and of clients on GPU hosts that wait for it. */
  readonly server: Sum;
  readonly clients: Sum;
}

const sumOf = (lines: readonly Line[]): Sum => {
  const paid = lines.filter(({ quantity }) => quantity > 0);
  return { lines: paid, usd: totalOf(paid) };
};

/** The cost of a federation on AWS, line by line, USD. */
export function estimateCost(
  federation: Federation,
  campaign: Campaign,
  assumptions: Assumptions,
  prices: Prices,
): Estimate {
  const deployed = deployedOf(federation, prices);
  const work = workOf(campaign, federation.tasks ?? DEFAULT_TASKS, assumptions);
  return {
    federation: federation.id,
    sites: deployed.sites,
    onPremises: deployed.onPremises,
    assumptions,
    prices,
    work,
    campaign: sumOf(campaignLines(work, deployed, assumptions, prices)),
    idle: sumOf(idleLines(deployed, assumptions, prices)),
    accounts: deployed.accounts.map(({ account, sites, ...resources }) => {
      const { lines, usd } = sumOf(idleLines({ sites, ...resources }, assumptions, prices));
      return { account, sites, usd, cases: totalOf(lines.filter(({ what }) => what === 'cases')) };
    }),
    server: sumOf(serverLines(prices)),
    clients: sumOf(clientLines(deployed, prices)),
  };
}
