import { Command } from 'commander';
import { FedcardioError, isFedcardioError, isOutage } from '../../lib/error.ts';
import type { CaseHistory } from '../../lib/intake/lineage.ts';
import { printable } from '../../lib/printable.ts';
import type { FederationStore } from '../../lib/storage/contract.ts';
import { type CampaignFlags, placed } from '../campaign.ts';
import { printJson } from '../print-json.ts';
import { isStored, isWithdrawn, listLine } from './known-case.ts';
import { type CaseFacts, lineageText, trainedOn } from './lineage-text.ts';
import { openSite } from './site-view.ts';

/** `fedcardio site lineage <site> <case>`: which GPU tasks used a case, and which models may have learnt from it. */
export const lineageCommand = (): Command =>
  placed(new Command('lineage').argument('<site>', 'id of your site').argument('<case>', 'name of the case'))
    .description('Show every GPU task that used a case, and the models that may have learnt from it.')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio site lineage heidelberg p7 --federation heart
  npx fedcardio site lineage heidelberg p7 --federation heart --json

Needs no more than the site's upload role. Reads the ledger below lineage/ in the site's bucket: one request per round that the
site took part in, and one per round whose model may have learnt from the case. It also works for a case that was withdrawn.
A model "may have learnt" from a case if the round merged your site's update; only the coordinator knows whether it did.`,
    )
    .action(lineage);

async function lineage(site: string, caseId: string, flags: CampaignFlags): Promise<void> {
  const { caseHistory } = await import('../../lib/intake/lineage.ts');
  const { store, federationStore } = await openSite(site, flags);
  const history = await caseHistory(store, caseId);
  const isUnused = history.updates.length === 0 && history.unreadable.length === 0;
  if (isUnused && !(await isStored(store, caseId)) && !(await isWithdrawn(store, caseId))) {
    throw new FedcardioError(
      'NOT_FOUND',
      `Site ${site} has no case "${printable(caseId)}", and none of this name was withdrawn.`,
      { hint: `Check its spelling: ${listLine(site, flags)}` },
    );
  }
  const facts = await factsOf(federationStore, history);
  if (flags.json) printJson('site-lineage', { site, case: caseId, ...facts });
  else console.log(lineageText(facts).join('\n'));
}

/** Adds the models to a case's history. */
export async function factsOf(federationStore: FederationStore, history: CaseHistory): Promise<CaseFacts> {
  const { learntModels } = await import('../../lib/protocol/learnt-models.ts');
  try {
    return { ...history, models: await learntModels(federationStore, trainedOn(history)) };
  } catch (error) {
    if (!isFedcardioError(error, 'STORAGE') || isOutage(error)) throw error;
    return { ...history, models: undefined };
  }
}
