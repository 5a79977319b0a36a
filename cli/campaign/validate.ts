import { Command } from 'commander';
import { printable } from '../../lib/printable.ts';
import { counted } from '../../lib/report/format.ts';
import { type CampaignFlags, campaignContext, placed } from '../campaign.ts';
import { printJson } from '../print-json.ts';
import { readInput } from '../read-input.ts';
import { table } from '../table.ts';
import type { Validation } from './validation.ts';

interface ValidateFlags extends CampaignFlags {
  readonly offline?: boolean;
}

/** `fedcardio campaign validate <file>`: what would happen, before the campaign's id is used up. */
export const validateCommand = (): Command =>
  placed(new Command('validate').argument('<file>', 'campaign.json'))
    .description('Check a campaign.json before it is started: tasks, sites, labels, quorum, memory and cost.')
    .option('--offline', 'check the file alone, without reading the federation bucket')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio campaign validate campaign.json --endpoint http://127.0.0.1:4566
  npx fedcardio campaign validate campaign.json --federation federation.json
  npx fedcardio campaign validate campaign.json --offline --json

Writes nothing. Exits with 1 if the campaign would fail. The cost needs --federation federation.json.`,
    )
    .action(async (file: string, flags: ValidateFlags) => {
      const { hasErrors, validate } = await import('./validation.ts');
      const found = await validate(readInput(file), file, await campaignContext(flags), flags.offline ?? false);
      if (flags.json) printJson('campaign-validation', { valid: !hasErrors(found), ...found });
      else console.log(validationText(file, found));
      if (hasErrors(found)) process.exitCode = 1;
    });

const GIB = 2 ** 30;

/** The findings, then who takes part in each stage, with memory and cost. */
export function validationText(file: string, { campaign, id, findings, stages, cost, noCost }: Validation): string {
  const errors = findings.filter(({ level }) => level === 'error').length;
  const warnings = findings.length - errors;
  const verdict = errors > 0 ? `${counted(errors, 'error')}. The campaign would fail.` : 'valid.';
  const told = warnings > 0 ? ` ${counted(warnings, 'warning')}.` : '';
  const rows = stages.map(({ stage, rounds, sites, memoryBytes }) => [
    stage,
    String(rounds),
    sites === undefined ? '' : String(sites.length),
    sites === undefined ? '' : String(sites.reduce((sum, { cases }) => sum + cases, 0)),
    memoryBytes === undefined ? '' : `${(memoryBytes / GIB).toFixed(1)} GiB`,
    printable(sites?.map(({ site }) => site).join(', ') ?? ''),
  ]);
  return [
    `${printable(campaign ?? file)}: ${verdict}${told}`,
    ...findings.map(({ level, text }) => `${level}: ${printable(text)}`),
    ...(id === 'same'
      ? ['This campaign.json is in the federation bucket already: starting it again changes nothing.']
      : []),
    ...(rows.length > 0
      ? ['', ...table(['stage', 'rounds', 'sites', 'cases', 'memory', 'who takes part now'], rows)]
      : []),
    ...(rows.length > 0
      ? ['', "Memory: of a GPU task's training on a CPU, beyond its process and its CTs; ± 30 %."]
      : []),
    ...(cost
      ? [
          `Cost on AWS: about USD ${cost.usd.toFixed(2)} with ${cost.casesPerSite} cases at each site (${cost.prices}); details: fedcardio cost`,
        ]
      : []),
    ...(noCost === undefined ? [] : [`Cost on AWS: not estimated. ${printable(noCost)}`]),
  ].join('\n');
}
