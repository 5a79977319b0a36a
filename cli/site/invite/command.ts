import { existsSync, writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { FedcardioError, systemError } from '../../../lib/error.ts';
import { siteKeys } from '../../../lib/federation/keys.ts';
import { DEFAULT_TASKS, type Task } from '../../../lib/federation/tasks.ts';
import { names, placeOf } from '../../../lib/federation/topology.ts';
import { printable } from '../../../lib/printable.ts';
import { counted } from '../../../lib/report/format.ts';
import { minute } from '../../campaign/times.ts';
import { type CampaignFlags, federationOf, placed } from '../../campaign.ts';
import { siteOf } from '../../deploy-info/command.ts';
import { atLeastOne } from '../../options.ts';
import { printJson } from '../../print-json.ts';
import { commandLine } from '../../shell-words.ts';
import { openSite } from '../site-view.ts';

interface InviteFlags extends CampaignFlags {
  readonly hours: number;
  readonly heldOut?: boolean;
  readonly tasks?: readonly string[];
  readonly out?: string;
}

/** Longest validity of a signed URL: 7 days (S3 user guide, "Download and upload objects with presigned URLs"). */
const MOST_HOURS = 168;

/** `fedcardio site invite <site> <cases>`: links with which a hospital uploads without an AWS account. */
export const inviteCommand = (): Command =>
  placed(
    new Command('invite')
      .argument('<site>', 'id of the site')
      .argument('<cases>', 'folder of cases, or file with the name of a case on each line'),
  )
    .description('Write links with which a hospital uploads these cases without credentials.')
    .option('--hours <number>', `hours until the links expire, at most ${MOST_HOURS}`, hours, 24)
    .option('--held-out', 'links for held-out cases')
    .option('--tasks <ids...>', 'tasks whose labels may be uploaded too (default: all of the federation)')
    .option('--out <file>', 'file to write (default: invitation-<site>.json)')
    .addHelpText(
      'after',
      `
Use the site's upload role: the links can do what it may do, for the named objects alone. With a folder, each link accepts
only a file of the same size. Whoever has the file can use the links until they expire: send it encrypted. A link also dies
when the credentials that signed it expire, such as after 12 hours of a role's session.

Examples:
  npx fedcardio site invite heidelberg cases.txt --federation federation.json
  npx fedcardio site invite heidelberg cases.txt --federation heart --hours 72 --tasks calcification
  npx fedcardio site upload heidelberg CASES --invite invitation-heidelberg.json`,
    )
    .action(invite);

/** Links are signed without a request: they could lead to a bucket that does not exist. */
async function checkBucket(site: string, flags: InviteFlags): Promise<void> {
  const { store } = await openSite(site, flags);
  for await (const _ of store.list(siteKeys.catalogPrefix)) return;
}

function hours(text: string): number {
  const value = atLeastOne(text);
  if (value > MOST_HOURS) throw new InvalidArgumentError(`AWS signs links for ${MOST_HOURS} hours at most.`);
  return value;
}

async function invite(site: string, source: string, flags: InviteFlags): Promise<void> {
  const [{ createLinkSigner }, { identityOf }, { invitedFiles, leftOut }, { makeInvitation }] = await Promise.all([
    import('../../../lib/aws/links.ts'),
    import('../../../lib/aws/identity.ts'),
    import('./invited-files.ts'),
    import('./make-invitation.ts'),
  ]);
  const { id, declared } = federationOf(flags);
  const region = declared && placeOf(declared, siteOf(declared, site)).region;
  const connection = { endpoint: flags.endpoint, region };
  const tasks = chosen(declared?.tasks ?? DEFAULT_TASKS, flags.tasks);
  const files = invitedFiles(source, flags.heldOut ? 'evaluation' : 'training', tasks);
  for (const line of leftOut(source, tasks)) console.error(`left out: ${printable(line)}`);
  await checkBucket(site, flags);
  const asked = new Date(Date.now() + flags.hours * 3_600_000);
  const { expiresAt } = await identityOf(connection);
  const expires = expiresAt && expiresAt < asked ? expiresAt : asked;
  if (expires !== asked) console.error(earlyText(expires));
  const signer = createLinkSigner(connection, names.siteBucket(id, site), flags.hours * 3600);
  const invitation = await makeInvitation(signer, files, { federation: id, site, tasks, expires });
  const out = flags.out ?? `invitation-${site}.json`;
  write(out, JSON.stringify(invitation, null, 2));
  const cases = Object.keys(invitation.verdicts).length;
  if (flags.json)
    return printJson('site-invite', { file: out, site, expires: expires.toISOString(), cases, files: files.length });
  const upload = commandLine(['npx', 'fedcardio', 'site', 'upload', site, 'CASES', '--invite', out]);
  console.log(
    `${out}: links for ${counted(files.length, 'file')} of ${counted(cases, 'case')}, until ${minute(expires.toISOString())}.
Whoever has this file can use them: send it encrypted, to one person. The hospital uploads with:
  ${upload}`,
  );
}

const earlyText = (expires: Date): string =>
  `The links die at ${minute(expires.toISOString())}, when the credentials that sign them expire. For longer links, sign with longer credentials.`;

function chosen(tasks: readonly Task[], asked: readonly string[] | undefined): readonly Task[] {
  const unknown = asked?.find((id) => !tasks.some((task) => task.id === id));
  if (unknown === undefined) return asked ? tasks.filter(({ id }) => asked.includes(id)) : tasks;
  throw new FedcardioError('BAD_CONFIGURATION', `The federation has no task "${unknown}".`, {
    hint: `Its tasks are ${tasks.map(({ id }) => id).join(', ')}.`,
  });
}

function write(file: string, text: string): void {
  if (existsSync(file)) {
    throw new FedcardioError('BAD_CONFIGURATION', `${file} exists already.`, {
      hint: 'Choose another file with --out.',
    });
  }
  try {
    // Only its owner reads the links.
    writeFileSync(file, `${text}\n`, { mode: 0o600 });
  } catch (error) {
    throw systemError(error, file) ?? error;
  }
}
