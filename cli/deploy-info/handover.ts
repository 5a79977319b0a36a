import { type Federation, isOnPremises, type Site } from '../../lib/federation/schemas.ts';
import { names } from '../../lib/federation/topology.ts';
import { commandLine } from '../shell-words.ts';
import type { Part } from './deployment.ts';

/** What a hospital needs to know to upload cases: text to send it. */
export function handoverText({ id }: Federation, site: Site, { outputs, region, missing }: Part): string {
  if (isOnPremises(site)) return machineText(id, site, { outputs, region });
  const bucket = outputs.Bucket ?? names.siteBucket(id, site.id);
  const profile = `${id}-${site.id}`;
  const roles = [
    ['upload', outputs.UploadRoleArn, profile],
    ['withdraw', outputs.WithdrawRoleArn, `${profile}-withdraw`],
  ] as const;
  const given = roles.filter(([, arn]) => arn !== undefined);
  const profiles = given.map(
    ([, arn, name]) =>
      `[profile ${name}]\nrole_arn = ${arn}\nsource_profile = <yours>\nregion = ${region ?? '<region>'}`,
  );
  const command = (...words: string[]) =>
    `  ${commandLine(['npx', 'fedcardio', 'site', ...words, '--federation', id])}`;
  return [
    `${site.name}: your part of federation "${id}"`,
    '',
    `Bucket: s3://${bucket}`,
    ...(missing.length > 0 ? [`Not deployed, or not seen: ${missing.join(', ')}`] : []),
    '',
    ...(profiles.length > 0
      ? ['Add to ~/.aws/config, with your own profile as source_profile:', '', profiles.join('\n\n'), '']
      : [
          'There is no role for people of the hospital: name them in federation.json (uploaders), or send links:',
          `  ${commandLine(['npx', 'fedcardio', 'site', 'invite', site.id, 'CASE-LIST', '--federation', id])}`,
          '',
        ]),
    'Then, in the folder with your cases:',
    '',
    ...(outputs.UploadRoleArn === undefined ? [] : [`  export AWS_PROFILE=${profile}`]),
    `  ${commandLine(['npx', 'fedcardio', 'site', 'check', 'CASES'])}`,
    command('upload', site.id, 'CASES'),
    command('list', site.id),
    ...(outputs.WithdrawRoleArn === undefined
      ? []
      : [
          '',
          `To delete a case for good, with export AWS_PROFILE=${profile}-withdraw:`,
          '',
          command('withdraw', site.id, 'CASE'),
        ]),
    '',
    'The pages for hospitals: docs/hospital/README.md, docs/hospital/de/README.md',
  ].join('\n');
}

function machineText(id: string, site: Site, { outputs, region }: Pick<Part, 'outputs' | 'region'>): string {
  const signIn = ['TrustAnchorArn', 'ProfileArn', 'RoleArn'].flatMap((name) =>
    outputs[name] === undefined ? [] : [`  ${name}: ${outputs[name]}`],
  );
  return [
    `${site.name}: your part of federation "${id}", on your own machine`,
    '',
    `Region: ${region ?? '<region>'}`,
    ...(signIn.length > 0
      ? ['The machine signs in with:', ...signIn]
      : ['Not deployed, or not seen: the role of the machine.']),
    '',
    'Hand over federation.json too. Then, as docs/on-premises.md says:',
    '',
    `  ${commandLine(['npx', 'fedcardio', 'site', 'run', site.id, '--federation', 'federation.json'])}`,
  ].join('\n');
}
