import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { FedcardioError, isFedcardioError } from '../../lib/error.ts';
import type { CaseUse } from '../../lib/federation/keys.ts';
import { DEFAULT_TASKS, type Task } from '../../lib/federation/tasks.ts';
import { printable } from '../../lib/printable.ts';
import { clock, counted } from '../../lib/report/format.ts';
import type { Stores } from '../../lib/storage/contract.ts';
import { createWaitOut, outageText } from '../../lib/storage/outages.ts';
import { type CampaignFlags, placed, placeOptions } from '../campaign.ts';
import { onInterrupt } from '../interrupt.ts';
import { atLeastOne } from '../options.ts';
import { printJson } from '../print-json.ts';
import { type ProgressLine, progressLine } from '../progress-line.ts';
import { commandLine } from '../shell-words.ts';
import type { CaseState } from './case-states.ts';
import { findingLine } from './checked-case.ts';
import { openSite } from './site-view.ts';
import type { UploadedFolder, UploadProgress } from './upload-folder.ts';
import { type VerdictRow, verdictCsv, verdictHtml, verdictRows, verdictText } from './verdict-rows.ts';

interface UploadFlags extends CampaignFlags {
  readonly heldOut?: boolean;
  readonly invite?: string;
  readonly check: boolean;
  readonly withRefused?: boolean;
  readonly parallel: number;
  /** Minutes, or false. */
  readonly wait: number | false;
  readonly report?: 'csv' | 'html';
  readonly out?: string;
}

const PATIENCE_MINUTES = 15;

/** `fedcardio site upload <site> <dir>`: a folder of cases into the site's bucket, with intake's verdicts. */
export const uploadCommand = (): Command =>
  placed(
    new Command('upload').argument('<site>', 'id of your site').argument('<dir>', 'folder of cases, as for site check'),
  )
    .description('Upload CTs and labels, wait for what intake says, and list it.')
    .option('--held-out', 'put all cases below held-out/, to be scored only')
    .option('--invite <file>', 'upload with the links of an invitation, without credentials')
    .option('--parallel <number>', 'cases that are uploaded at the same time', atLeastOne, 4)
    .option('--no-check', 'do not examine the files before they are uploaded')
    .option('--with-refused', 'upload files that the check refuses too, except under what looks like a name')
    .option(
      '--wait <minutes>',
      'minutes without a new verdict after which to stop waiting',
      atLeastOne,
      PATIENCE_MINUTES,
    )
    .option('--no-wait', 'do not wait for intake')
    .addOption(new Option('--report <format>', 'also write the result to a file').choices(['csv', 'html']))
    .option('--out <file>', 'file of the report (default: upload-report.csv or .html)')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio site upload heidelberg CASES --federation heart
  npx fedcardio site upload heidelberg CASES --federation heart --parallel 8 --report html
  npx fedcardio site upload bonn CASES --endpoint http://127.0.0.1:4566 --json
  npx fedcardio site upload bonn CASES --invite invitation-bonn.json

Run it again after an interruption, or with new files: what is stored already is not sent again. What was uploaded is
recorded in CASES/.fedcardio-upload.jsonl. Exits with 1 if a file was refused or has no verdict yet.`,
    )
    .action(upload);

async function upload(site: string, dir: string, flags: UploadFlags): Promise<void> {
  if (flags.invite !== undefined) return uploadByLinks(site, dir, flags.invite, flags);
  const [{ uploadFolder }, { openUploadRecord }, { readSiteFolder }] = await Promise.all([
    import('./upload-folder.ts'),
    import('./upload-record.ts'),
    import('./site-folder.ts'),
  ]);
  const { store, declared, ...stores } = await openSite(site, flags);
  const tasks = await tasksOf(stores, declared?.tasks);
  const folder = readSiteFolder(dir, tasks, flags.heldOut);
  const progress = progressLine();
  const { signal, release } = onInterrupt();
  try {
    const result = await uploadFolder(store, folder, {
      tasks,
      record: openUploadRecord(dir),
      parallel: flags.parallel,
      checks: flags.check,
      uploadsRefused: flags.withRefused ?? false,
      wayBack: (caseId, use) => wayBack(site, caseId, use, flags),
      signal,
      waitOut: createWaitOut({
        now: () => new Date(),
        signal,
        onEvent: (event) => console.error(event.type === 'over' ? 'The storage is back.' : outageText(event)),
      }),
      onProgress: shownProgress(progress),
    });
    progress.end();
    console.error(uploadedText(result));
    for (const finding of result.warnings) console.error(findingLine('warning', finding));
    const states = flags.wait === false ? [] : await awaited(site, stores, result, flags.wait * 60, signal, progress);
    finish(site, flags, result, states);
  } catch (error) {
    progress.end();
    if (signal.aborted) console.error('Interrupted. What was uploaded stays; the same command continues.');
    throw error;
  } finally {
    release();
  }
}

async function uploadByLinks(site: string, dir: string, file: string, flags: UploadFlags): Promise<void> {
  const [{ isHeldOut, readInvitation }, { uploadInvited }, { readSiteFolder }] = await Promise.all([
    import('./invite/invitation.ts'),
    import('./invite/upload-invited.ts'),
    import('./site-folder.ts'),
  ]);
  const invitation = readInvitation(file);
  if (invitation.site !== site) {
    throw new FedcardioError('BAD_CONFIGURATION', `${file} invites site ${printable(invitation.site)}, not ${site}.`, {
      hint: 'Check the id of your site.',
    });
  }
  const folder = readSiteFolder(dir, invitation.tasks, flags.heldOut || isHeldOut(invitation));
  const progress = progressLine();
  const { signal, release } = onInterrupt();
  try {
    const result = await uploadInvited(invitation, folder, {
      parallel: flags.parallel,
      checks: flags.check,
      uploadsRefused: flags.withRefused ?? false,
      patienceSeconds: flags.wait === false ? 0 : flags.wait * 60,
      signal,
      onFile: (done, total) => progress.show(`${done} of ${counted(total, 'file')}`),
    });
    progress.end();
    const { uploaded, refused, without } = result;
    console.error(uploadedText({ uploaded, stored: 0, refused }));
    for (const key of without) console.error(printable(`no link for ${key}: ask for a new invitation`));
    const rows = [...result.verdicts, ...verdictRows([], refused)];
    if (flags.report) writeReport(site, flags.report, flags.out ?? `upload-report.${flags.report}`, rows);
    if (flags.json) printJson('site-upload-invited', { site, uploaded, without, cases: rows });
    else if (rows.length > 0) console.log(verdictText(rows));
    if (without.length > 0 || rows.some(({ verdict }) => verdict !== 'accepted')) process.exitCode = 1;
  } finally {
    progress.end();
    release();
  }
}

/** The command that takes an upload back from one side. The upload role may run it. */
function wayBack(site: string, caseId: string, use: CaseUse, flags: UploadFlags): string {
  const side = ['--use', use === 'training' ? 'training' : 'held-out', '--keep-versions'];
  return commandLine(['npx', 'fedcardio', 'site', 'withdraw', site, caseId, ...side, ...placeOptions(flags)]);
}

/** The tasks of the federation's bucket. An upload role of an earlier deployment may not read them. */
async function tasksOf(
  { federationStore }: Pick<Stores, 'federationStore'>,
  declared: readonly Task[] | undefined,
): Promise<readonly Task[]> {
  const { readTasks } = await import('../../lib/storage/federation-tasks.ts');
  try {
    return await readTasks({ federation: declared ? { tasks: [...declared] } : {}, federationStore });
  } catch (error) {
    if (!isFedcardioError(error, 'STORAGE')) throw error;
    return declared ?? DEFAULT_TASKS;
  }
}

/** Rate and time left are those of the whole upload. */
function shownProgress(progress: ProgressLine): (at: UploadProgress) => void {
  const started = performance.now();
  return ({ files, ofFiles, bytes, ofBytes }) => {
    const seconds = (performance.now() - started) / 1000;
    const left = bytes > 0 ? `, about ${clock((seconds * (ofBytes - bytes)) / bytes)} left` : '';
    const rate = `${megabytes(bytes / Math.max(seconds, 0.001))} MB/s`;
    progress.show(
      `${files} of ${counted(ofFiles, 'file')}, ${megabytes(bytes)} of ${megabytes(ofBytes)} MB, ${rate}${left}`,
    );
  };
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** "12 files (1.3 MB) uploaded, 30 were stored already, 1 not uploaded." */
function uploadedText({ uploaded, stored, refused }: Pick<UploadedFolder, 'uploaded' | 'stored' | 'refused'>): string {
  const left = refused.length > 0 ? `; of ${counted(refused.length, 'case')} files were refused and not uploaded` : '';
  return `${counted(uploaded.files, 'file')} uploaded (${megabytes(uploaded.bytes)} MB), ${stored} stored already${left}.`;
}

const SILENCE =
  'Intake has not answered yet: is it running, and does the federation answer? You may stop; what is uploaded is examined later.';

async function awaited(
  site: string,
  { siteStore }: Stores,
  { cases }: UploadedFolder,
  patienceSeconds: number,
  signal: AbortSignal,
  progress: ProgressLine,
): Promise<readonly CaseState[]> {
  const [{ awaitVerdicts }, { createStatesReader }] = await Promise.all([
    import('./await-verdicts.ts'),
    import('./read-states.ts'),
  ]);
  const states = await awaitVerdicts(createStatesReader(siteStore(site)), {
    cases,
    patienceSeconds,
    signal,
    onSilence: () => {
      progress.end();
      console.error(SILENCE);
    },
    onLook: (decided, total) => progress.show(`intake has examined ${decided} of ${counted(total, 'case')}`),
  });
  progress.end();
  return states;
}

function finish(site: string, flags: UploadFlags, result: UploadedFolder, states: readonly CaseState[]): void {
  const rows = verdictRows(states, result.refused);
  const { uploaded, stored, refused } = result;
  if (flags.report) writeReport(site, flags.report, flags.out ?? `upload-report.${flags.report}`, rows);
  const cases = states.map(({ entry: _, ...state }) => state);
  if (flags.json) printJson('site-upload', { site, uploaded, stored, refused, cases });
  else if (rows.length > 0) console.log(verdictText(rows));
  const isOpen = states.some(({ verdict }) => verdict === 'pending');
  if (isOpen) {
    const list = commandLine(['npx', 'fedcardio', 'site', 'list', site, ...placeOptions(flags)]);
    console.error(`Intake has not decided on every case yet: ${list}`);
  }
  if (isOpen || refused.length > 0 || rows.some(({ reason }) => reason !== '')) process.exitCode = 1;
}

function writeReport(site: string, format: 'csv' | 'html', file: string, rows: readonly VerdictRow[]): void {
  const text = format === 'csv' ? verdictCsv(rows) : verdictHtml(site, new Date().toISOString(), rows);
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw new FedcardioError('BAD_CONFIGURATION', `The report cannot be written to ${file}.`, {
      cause,
      hint: 'Choose another file with --out. The upload is complete.',
    });
  }
  console.error(`Report: ${file}`);
}
