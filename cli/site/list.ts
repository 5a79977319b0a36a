import { Command, Option } from 'commander';
import { printable } from '../../lib/printable.ts';
import { type CampaignFlags, placed } from '../campaign.ts';
import { printJson } from '../print-json.ts';
import { table } from '../table.ts';
import type { CaseState, CaseVerdict } from './case-states.ts';
import type { SiteStates } from './read-states.ts';
import { openSite } from './site-view.ts';
import { verdictRows, verdictSentence } from './verdict-rows.ts';

interface ListFlags extends CampaignFlags {
  readonly only?: string;
}

/** Names of the option `--only`, and the verdicts that they select. */
const CHOICES: Readonly<Record<string, readonly CaseVerdict[]>> = {
  accepted: ['accepted', 'partly accepted'],
  rejected: ['rejected', 'partly accepted'],
  waiting: ['waiting'],
  pending: ['pending'],
};

/** `fedcardio site list <site>`: the cases of a site, and what intake says of each. */
export const listCommand = (): Command =>
  placed(new Command('list').argument('<site>', 'id of your site'))
    .description('List the cases of a site: accepted, rejected and why, pending, labels without a CT.')
    .addOption(new Option('--only <state>', 'only these cases').choices(Object.keys(CHOICES)))
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio site list heidelberg --federation heart
  npx fedcardio site list heidelberg --federation heart --only rejected --json

Needs no more than the site's upload role.`,
    )
    .action(list);

async function list(site: string, flags: ListFlags): Promise<void> {
  const { createStatesReader } = await import('./read-states.ts');
  const { store } = await openSite(site, flags);
  const states = await createStatesReader(store).read();
  const wanted = flags.only === undefined ? undefined : CHOICES[flags.only];
  const cases = states.cases.filter(({ verdict }) => !wanted || wanted.includes(verdict));
  if (flags.json) {
    const rows = cases.map(({ entry, ...state }) => ({ ...state, labels: Object.keys(entry?.labels ?? {}) }));
    printJson('site-list', { site, cases: rows, strays: states.strays });
  } else console.log(listText({ ...states, cases }));
}

/** A case a line, the refused files, and the counts in a sentence. */
export function listText({ cases, strays }: SiteStates): string {
  const rows = verdictRows(cases, []);
  const faults = [
    ...rows.filter(({ reason }) => reason !== ''),
    ...strays.map(({ key, reason, hint = '' }) => ({ file: key as string, reason, hint })),
  ];
  return [
    ...(cases.length > 0 ? [...table(['case', 'use', 'state', 'labels'], cases.map(caseRow)), ''] : []),
    ...faults.map(({ file, reason, hint }) => printable(`${file}: ${reason} ${hint}`.trimEnd())),
    ...(faults.length > 0 ? [''] : []),
    verdictSentence(rows),
  ].join('\n');
}

const caseRow = ({ case: id, use, verdict, entry }: CaseState): readonly string[] => [
  printable(id),
  use === 'training' ? 'training' : 'held out',
  verdict,
  Object.keys(entry?.labels ?? {}).join(' '),
];
