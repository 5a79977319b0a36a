import { type Federation, isOnPremises } from '../../lib/federation/schemas.ts';
import type { Task } from '../../lib/federation/tasks.ts';
import { names } from '../../lib/federation/topology.ts';
import { commandLine } from '../shell-words.ts';

/** A federation that runs on this machine. */
interface Running {
  readonly federation: Federation;
  readonly endpoint: string;
  readonly tasks: readonly Task[];
  /** The file that declares the federation; undefined for the default one. */
  readonly file?: string | undefined;
}

/** The buckets of a federation on this machine: its own, and those of its sites by their ids. */
export const bucketsOf = ({ id, sites }: Federation) => ({
  federation: names.federationBucket(id),
  sites: Object.fromEntries(
    sites.filter((site) => !isOnPremises(site)).map((site) => [site.id, names.siteBucket(id, site.id)]),
  ),
});

/** Commands that can be typed next, in another terminal. */
export function nextSteps({ federation, endpoint, tasks, file = 'federation.json' }: Running): string {
  const [first] = Object.values(bucketsOf(federation).sites);
  const aws = (...words: readonly string[]) => commandLine(['aws', '--endpoint-url', endpoint, 's3', ...words]);
  const fedcardio = (...words: readonly string[]) =>
    commandLine(['npx', 'fedcardio', ...words, '--endpoint', endpoint, '--federation', federation.id]);
  const label = `${tasks[0]?.id}.${tasks[0]?.kind === 'landmarks' ? 'mrk.json' : 'nii.gz'}`;
  const folder = `s3://${first}/cases/p001`;
  const machine = (site: string) =>
    commandLine(['npx', 'fedcardio', 'site', 'run', site, '--federation', file, '--endpoint', endpoint, '--port', '0']);
  const machines = federation.sites.filter(isOnPremises).map(({ id }) => `  ${machine(id)}`);
  const onPremises =
    machines.length === 0
      ? ''
      : `\n\nStart the machines of on-premises sites, each in a terminal:\n\n${machines.join('\n')}`;
  return `Type in another terminal. Any credentials work:

  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1

Upload each case's CT, then its labels, named after the tasks:

  ${aws('cp', 'image.nii.gz', `${folder}/image.nii.gz`)}
  ${aws('cp', label, `${folder}/labels/${label}`)}
  ${fedcardio('tasks', 'list')}

Start a campaign, and follow it:

  ${fedcardio('campaign', 'start', 'campaign.json')}
  ${fedcardio('status', 'my-campaign')}${onPremises}`;
}
