import { Command } from 'commander';
import { printable } from '../lib/printable.ts';
import type { CampaignVerification } from '../lib/protocol/verify-campaign.ts';
import type { RoundVerification } from '../lib/protocol/verify-round.ts';
import { aboutCampaign, type CampaignFlags, contextOf } from './campaign.ts';
import { printJson } from './print-json.ts';

/** `fedcardio campaign verify <campaign>`: recomputes the chain. Exit code 1 when anything does not match. */
export const verifyCommand = (): Command =>
  aboutCampaign(new Command('verify'))
    .description('Recompute a campaign from the updates of its sites: every seal, hash, weight and merge.')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio campaign verify demo-full-1 --endpoint http://127.0.0.1:4566
  npx fedcardio campaign verify tavi-2026 --federation heart --json

Reads every update and every model once or twice, and writes nothing. Exits with 1 when anything does not match.`,
    )
    .action(verify);

async function verify(campaign: string, flags: CampaignFlags): Promise<void> {
  const { verifyCampaign } = await import('../lib/protocol/verify-campaign.ts');
  const found = await verifyCampaign((await contextOf(campaign, flags)).federationStore, campaign, {
    onRound: (verified, done, total) =>
      console.error(`${String(done).padStart(String(total).length)}/${total} ${roundLine(verified)}`),
  });
  const bad = faultsOf(found);
  if (flags.json) printJson('verification', { campaign, valid: bad.length === 0, ...found });
  else console.log(verdict(campaign, found, bad));
  if (bad.length > 0) process.exitCode = 1;
}

const nameOf = ({ at }: RoundVerification): string => `${at.stage} round ${at.round}`;
const roundLine = (round: RoundVerification): string => `${round.faults.length === 0 ? '✓' : '✗'} ${nameOf(round)}`;

export const faultsOf = ({ faults, rounds }: CampaignVerification): readonly string[] => [
  ...faults,
  ...rounds.flatMap((round) => round.faults.map((fault) => `${nameOf(round)}: ${fault}`)),
];

const ENDS = { completed: 'completed', failed: 'failed', cancelled: 'been cancelled' } as const;

/** The result in a sentence, followed by the faults. */
export function verdict(campaign: string, { status, rounds }: CampaignVerification, bad: readonly string[]): string {
  const last = rounds.at(-1)?.commit?.sha256;
  const chain = last === undefined ? '' : ` The chain ends with commit ${last}.`;
  const end = status === 'running' ? ' The campaign has not ended.' : ` The campaign has ${ENDS[status]}.`;
  if (bad.length === 0) return `${campaign}: all ${rounds.length} committed rounds match their updates.${chain}${end}`;
  return [
    `${campaign}: ${bad.length} ${bad.length === 1 ? 'fault' : 'faults'} in ${rounds.length} committed rounds.`,
    ...bad.map(printable),
  ].join('\n');
}
