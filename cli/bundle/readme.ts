import { type Federation, isOnPremises, type Site } from '../../lib/federation/schemas.ts';
import { placeOf } from '../../lib/federation/topology.ts';

export interface BundleFacts {
  readonly federation: Federation;
  readonly site: Site;
  /** Stacks of the site, in the order of their deployment. */
  readonly stacks: readonly string[];
  /** Image of the GPU tasks. Undefined for a site on its own machine. */
  readonly image: string | undefined;
  /** Other sites of the same account and region, which have the same stacks of keys and network. */
  readonly sharedWith: readonly string[];
  readonly version: string;
}

/** README.md of a bundle: for the cloud team of the hospital. */
export function bundleReadme(facts: BundleFacts): string {
  const { federation, site, version } = facts;
  const head = `# ${site.name}: site \`${site.id}\` of federation \`${federation.id}\`

For: the cloud team of the hospital. \`federation.json\` beside this file describes your site alone, for fedcardio ${version}. The
stacks that are made from it are the same as from the coordinator's file.
`;
  return isOnPremises(site) ? `${head}${machineSteps(facts)}` : `${head}${awsSteps(facts)}`;
}

function awsSteps({ federation, site, stacks, image, sharedWith }: BundleFacts): string {
  const { account, region } = placeOf(federation, site);
  const [coordinator, coordinatorRegion] = [
    federation.account ?? 'the deployer’s account',
    federation.region ?? 'its region',
  ];
  const place = account === undefined ? 'aws://<account>/<region>' : `aws://${account}/${region}`;
  const quoted = stacks.map((name) => `'${name}'`).join(' ');
  return `
## Before you start

- Node and a clone of fedcardio at the release above: \`npm ci --ignore-scripts\`. Run the commands there, and put this folder's
  \`federation.json\` into it.
- Credentials for ${account === undefined ? "the coordinator's account" : `account ${account}`}, in \`AWS_PROFILE\`.
- The coordinator has deployed the stacks of the federation, with this site in its \`federation.json\`. Its bucket and its image
  repository let your account in by name.

## Deploy

\`\`\`sh
npx fedcardio doctor --aws federation.json     # quotas, roles, names: before and after
npx cdk bootstrap ${place}
npx cdk diff ${quoted}
npx cdk deploy ${quoted}
npx fedcardio deploy-info --site ${site.id}    # what to give to the people who upload
\`\`\`

| stack | contains |
| --- | --- |
${stacks.map((name) => `| \`${name}\` | ${contentsOf(name)} |`).join('\n')}
${
  sharedWith.length > 0
    ? `
The stacks of keys and network are shared with another site of your account and region. Agree on who deploys them, and never
delete them while the other site exists.
`
    : ''
}
## What it needs of others

- **Image of the GPU tasks:** \`${image ?? ''}\`. Your account must be able to pull it.
- **Federation bucket and its key:** account ${coordinator}, ${coordinatorRegion}. Your site reads global models and plans there, and
  writes its own updates and counts.
- **Messages:** the coordinator sends to your site's GPU task queue. It reads nothing in your account.

## Later

A new release: the coordinator sends a new folder. Compare with \`npx cdk diff\`, then deploy. To leave: delete the \`-compute\`
stack; the bucket, its keys and its cases stay until you delete them.
`;
}

function contentsOf(stack: string): string {
  if (stack.endsWith('-data')) return 'your bucket, its queues and keys; stays when the stack is deleted';
  if (/-keys(-|$)/.test(stack)) return 'key of objects, logs and alarms; stays when the stack is deleted';
  if (stack.endsWith('-trail')) return "CloudTrail's records of reads and writes in your bucket; their bucket stays";
  if (stack.endsWith('-compute')) return 'functions, GPU tasks, roles of people, alarms';
  return 'network of the GPU tasks, without internet';
}

const machineSteps = ({ federation, site }: BundleFacts): string => `
## Run

Your cases stay on your own machine; nothing is deployed by you. The coordinator deploys a queue and a role for the machine, and
gives you \`TrustAnchorArn\`, \`ProfileArn\` and \`RoleArn\` if it signs in with a certificate.

\`\`\`sh
npx fedcardio site run ${site.id} --federation federation.json
\`\`\`

docs/on-premises.md says how to set the machine up. Federation bucket: account ${federation.account ?? 'of the coordinator'}, ${federation.region ?? 'its region'}.
`;
