import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { Command, Option } from 'commander';
import { FedcardioError } from '../../lib/error.ts';
import { CASE_FOLDERS, type CaseUse, type SiteKey } from '../../lib/federation/keys.ts';
import type { Withdrawal, WithdrawTarget } from '../../lib/intake/withdraw.ts';
import { printable } from '../../lib/printable.ts';
import { counted } from '../../lib/report/format.ts';
import type { FederationStore, ObjectVersion, SiteStore } from '../../lib/storage/contract.ts';
import { type CampaignFlags, placed } from '../campaign.ts';
import { printJson } from '../print-json.ts';
import { isStored, isWithdrawn, listLine } from './known-case.ts';
import { factsOf } from './lineage.ts';
import { lineageText } from './lineage-text.ts';
import { openSite } from './site-view.ts';

interface WithdrawFlags extends CampaignFlags {
  readonly file?: string;
  readonly use?: keyof typeof USES;
  readonly keepVersions?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** Values of `--use`. */
const USES = { training: 'training', 'held-out': 'evaluation' } as const satisfies Record<string, CaseUse>;

/** `fedcardio site withdraw <site> <case>`: a case, or a file of it, out of the site's bucket. */
export const withdrawCommand = (): Command =>
  placed(new Command('withdraw').argument('<site>', 'id of your site').argument('<case>', 'name of the case'))
    .description('Delete a case or a file of it, what was derived from it, and all earlier versions.')
    .option('--file <name>', 'only this file of the case, such as labels/calcification.nii.gz')
    .addOption(new Option('--use <side>', 'only from this side, if the case is on both').choices(Object.keys(USES)))
    .option(
      '--keep-versions',
      'undo an upload: remove the files, and keep their versions and what was derived from them',
    )
    .option('--dry-run', 'show what would be deleted')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio site withdraw heidelberg p7 --federation heart --dry-run
  npx fedcardio site withdraw heidelberg p7 --federation heart
  npx fedcardio site withdraw heidelberg p7 --federation heart --use held-out
  npx fedcardio site withdraw heidelberg p7 --file labels/calcification.nii.gz --keep-versions

Needs the site's withdraw role; with --keep-versions, the upload role. The counts of the site follow at once. Exits with 1 if
something could not be deleted, such as versions under an object lock; then it is hidden, and no GPU task uses it.`,
    )
    .action(withdrawCase);

/** What weights and logs hold cannot be taken back. */
const REMAINS = `What stays: weights that were trained on it, in models, updates and checkpoints; copies outside this bucket; its name in the logs
of intake and of the bucket. If the case is uploaded again, give it another name.`;

async function withdrawCase(site: string, caseId: string, flags: WithdrawFlags): Promise<void> {
  const [{ findWithdrawn, withdraw }, { caseHistory }, { readTasks }] = await Promise.all([
    import('../../lib/intake/withdraw.ts'),
    import('../../lib/intake/lineage.ts'),
    import('../../lib/storage/federation-tasks.ts'),
  ]);
  const { federationStore, store } = await openSite(site, flags);
  const target = targetOf(caseId, flags);
  await requireFolderName(site, store, target, flags);
  if (flags.keepVersions) return removeUploaded(site, store, target, flags);

  const found = await findWithdrawn(store, target);
  const isBefore = found.length === 0 && (await wasWithdrawn(store, target));
  if (found.length === 0 && !isBefore) return nothingFound(site, target, flags);
  const plan = totalsOf(found);
  if (flags.dryRun) {
    const facts = await factsOf(federationStore, await caseHistory(store, caseId));
    const text = [isBefore ? WITHDRAWN_BEFORE : planText(plan), '', ...lineageText(facts)].join('\n');
    return tell(flags, 'site-withdraw-plan', { site, case: caseId, objects: plan, ...facts }, text);
  }
  if (!isBefore) await confirm(flags, `${planText(plan)}\n${REMAINS}\n`, caseId);
  const tasks = await readTasks({ federation: {}, federationStore });
  const context = { store, site, tasks, now: () => new Date(), newId: () => randomBytes(16).toString('hex') };
  const result = await withdraw(context, federationStore, target);
  await tellWithdrawn(site, federationStore, caseId, result, flags);
}

/** Says what was removed, what stays, and what had learnt from the case. */
async function tellWithdrawn(
  site: string,
  federationStore: FederationStore,
  caseId: string,
  result: Withdrawal,
  flags: WithdrawFlags,
): Promise<void> {
  const { history, ...withdrawn } = result;
  const facts = await factsOf(federationStore, history);
  const text = [withdrawnText(result), '', ...lineageText(facts)].join('\n');
  tell(flags, 'site-withdraw', { site, case: caseId, ...withdrawn, ...facts }, text);
  if (result.kept.length > 0 || result.notified === undefined) process.exitCode = 1;
}

/** `--file` may also be a key as `site list` shows it, which names the side. */
function targetOf(caseId: string, { file, use }: WithdrawFlags): WithdrawTarget {
  const asked = use && USES[use];
  for (const side of asked ? [asked] : Object.values(USES)) {
    const folder = `${CASE_FOLDERS[side]}/${caseId}/`;
    if (file?.startsWith(folder)) return { caseId, file: file.slice(folder.length), use: side };
  }
  return { caseId, file, use: asked };
}

const tell = (flags: WithdrawFlags, schema: string, value: object, text: string): void =>
  flags.json ? printJson(schema, value) : console.log(text);

/** Rejections show the name of a folder that may be a patient's as `withheld-…`. Their document alone is not the case. */
async function requireFolderName(site: string, store: SiteStore, { caseId }: WithdrawTarget, flags: WithdrawFlags) {
  if (!/^withheld-[0-9a-f]{8}$/.test(caseId)) return;
  if (await isStored(store, caseId)) return;
  throw new FedcardioError('NOT_FOUND', `"${caseId}" stands for the name of a folder, and is no case.`, {
    hint: `Use the folder's name, which the rejected files show: ${listLine(site, flags)}`,
  });
}

const WITHDRAWN_BEFORE = 'The case was withdrawn before; nothing is left of it.';

/** A case that was withdrawn before is no error, so that the command can be repeated. */
async function wasWithdrawn(store: SiteStore, { caseId, file, use }: WithdrawTarget): Promise<boolean> {
  if (file !== undefined || use !== undefined) return false;
  return isWithdrawn(store, caseId);
}

function nothingFound(site: string, { caseId, file, use }: WithdrawTarget, flags: WithdrawFlags): never {
  const what = file === undefined ? 'case' : `file "${printable(file)}" of a case`;
  const side = use === undefined ? '' : ` ${use === 'training' ? 'for training' : 'held out'}`;
  throw new FedcardioError('NOT_FOUND', `Site ${site} has no ${what} "${printable(caseId)}"${side}.`, {
    hint: `See ${listLine(site, flags)}`,
  });
}

/** Removes what was uploaded, as an uploader may: in a bucket with versions, the files stay as earlier versions. */
async function removeUploaded(site: string, store: SiteStore, target: WithdrawTarget, flags: WithdrawFlags) {
  const { isTarget, targetPrefixes } = await import('../../lib/intake/withdraw.ts');
  const { caseId } = target;
  const found: ObjectVersion<SiteKey>[] = [];
  for (const prefix of targetPrefixes(target)) {
    for await (const { key, bytes } of store.list(prefix)) {
      if (isTarget(target, key)) found.push({ key, bytes, version: '', isLatest: true, isMarker: false });
    }
  }
  if (found.length === 0) {
    if (!(await wasWithdrawn(store, target))) return nothingFound(site, target, flags);
    return tell(flags, 'site-withdraw', { site, case: caseId, removed: [], kept: [] }, WITHDRAWN_BEFORE);
  }
  const plan = totalsOf(found);
  if (flags.dryRun) return tell(flags, 'site-withdraw-plan', { site, case: caseId, objects: plan }, removedText(plan));
  await confirm(flags, `${removedText(plan)}\n`, caseId);
  for (const { key } of found) await store.delete(key);
  const text = `${objectsText(plan)} removed. Intake updates the catalog and the counts. Earlier versions, and what was derived, stay.`;
  tell(flags, 'site-withdraw', { site, case: caseId, removed: plan, kept: [] }, text);
}

type Totals = Withdrawal['removed'];

function totalsOf(versions: readonly ObjectVersion<SiteKey>[]): Totals {
  const totals = new Map<SiteKey, { key: SiteKey; versions: number; bytes: number }>();
  for (const { key, bytes, isMarker } of versions) {
    const before = totals.get(key) ?? { key, versions: 0, bytes: 0 };
    totals.set(key, { key, versions: before.versions + (isMarker ? 0 : 1), bytes: before.bytes + bytes });
  }
  return [...totals.values()];
}

const line = ({ key, versions, bytes }: Totals[number]): string =>
  printable(`  ${key}  ${counted(versions, 'version')}, ${megabytes(bytes)}`);

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

const objectsText = (totals: Totals): string => counted(totals.length, 'object');

/** What would be deleted, an object a line. */
const planText = (totals: Totals): string =>
  [`${objectsText(totals)} would be deleted:`, ...totals.map(line)].join('\n');

/** What would be hidden, and what stays. */
const removedText = (totals: Totals): string =>
  [
    `${objectsText(totals)} would be removed:`,
    ...totals.map(({ key, bytes }) => printable(`  ${key}  ${megabytes(bytes)}`)),
    'All their versions stay, and what was derived from them.',
  ].join('\n');

/** What was deleted, what could not be, and what cannot be withdrawn. */
export function withdrawnText({ removed, kept, notified }: Omit<Withdrawal, 'history'>): string {
  return [
    ...(removed.length === 0 && kept.length === 0
      ? [WITHDRAWN_BEFORE]
      : [`${objectsText(removed)} deleted for good:`, ...removed.map(line)]),
    ...(kept.length > 0
      ? [
          `${counted(kept.length, 'object')} could not be deleted for good, and ${kept.length === 1 ? 'is' : 'are'} hidden:`,
        ]
      : []),
    ...kept.map(({ key, reason }) => printable(`  ${key}  ${reason}`)),
    ...noticeText(notified),
    REMAINS,
  ].join('\n');
}

function noticeText(notified: number | undefined): readonly string[] {
  if (notified === undefined)
    return ['The coordinator could not be told. Run the command again with credentials that may write to it.'];
  if (notified === 0) return [];
  return [`The coordinator was told the hashes of ${counted(notified, 'update')}, and nothing else.`];
}

/** Asks for the case's name on a terminal. @throws FedcardioError `INTERRUPTED` if the answer differs */
async function confirm({ yes, json }: WithdrawFlags, text: string, caseId: string): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY || json) {
    throw new FedcardioError('BAD_CONFIGURATION', 'Nothing was deleted, since nobody can be asked.', {
      hint: 'Look at --dry-run, then add --yes.',
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${text}Type the name of the case to delete it: `);
    if (answer.trim() === caseId) return;
  } finally {
    terminal.close();
  }
  throw new FedcardioError('INTERRUPTED', 'Nothing was deleted: the name differs.');
}
