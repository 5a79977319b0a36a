import * as iam from 'aws-cdk-lib/aws-iam';
import { CfnProfile, CfnTrustAnchor } from 'aws-cdk-lib/aws-rolesanywhere';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { type App, Duration, Stack, Tags } from 'aws-cdk-lib/core';
import { machineAccess } from '../lib/federation/access.ts';
import { SITE_TAG } from '../lib/federation/guards.ts';
import type { Site } from '../lib/federation/schemas.ts';
import { MACHINE_ROLE, names, placeOf, type Topology } from '../lib/federation/topology.ts';
import { addAlarmTopic } from './alarm-topic.ts';
import { addQueueAlarms } from './alarms.ts';
import { logKeyOf } from './keys.ts';
import { addOutputs } from './outputs.ts';
import { machineQueueStatements, objectStatements, targetOf } from './permissions.ts';
import { environmentOf, withoutBootstrapRule } from './stack-options.ts';
import { addSubscribers } from './subscribers.ts';

/** How long credentials of the machine are valid. Its SDK fetches new ones in time. */
const SESSION = Duration.hours(1);

/** The stack of an on-premises site, in the coordinator's account: the role of its machine, and an alarm. */
export function addMachineStack(app: App, topology: Topology, site: Site): Stack {
  const { federation } = topology;
  const place = placeOf(federation);
  const name = names.siteBucket(federation.id, site.id);
  const stack = new Stack(app, names.computeStack(name), {
    ...environmentOf(place),
    description: `fedcardio: role of the machine of on-premises site ${site.id}`,
    synthesizer: withoutBootstrapRule(),
  });
  Tags.of(stack).add(SITE_TAG, site.id, { includeResourceTypes: ['AWS::IAM::Role'] });
  const queues = topology.queues.filter((queue) => queue.site === site.id);
  const statements = [
    ...objectStatements(stack, targetOf(federation), machineAccess(site.id)),
    ...queues.flatMap((queue) => machineQueueStatements(stack, targetOf(federation, site), queue.name)),
  ];
  const roleName = names.siteRole(federation.id, site.id, MACHINE_ROLE);
  const role = (assumedBy: iam.IPrincipal) => {
    const made = new iam.Role(stack, 'MachineRole', {
      roleName,
      description: `Reads global models, writes the updates and counts of ${site.id}, and receives its GPU tasks`,
      assumedBy,
      maxSessionDuration: SESSION,
      inlinePolicies: { Machine: new iam.PolicyDocument({ statements }) },
    });
    addOutputs(stack, { RoleArn: made.roleArn });
    return made;
  };
  if (site.certificate) addCertificateHolder(stack, site.certificate, roleName, role);
  else role(new iam.ArnPrincipal(site.principal as string));
  const topic = addAlarmTopic(stack, logKeyOf(stack, federation, site)) as sns.ITopic;
  addSubscribers(topic, site.subscribers);
  addQueueAlarms(stack, topic, queues);
  addOutputs(stack, { AlarmTopicArn: topic.topicArn });
  return stack;
}

/**
 * Lets the holder of the named certificate assume the role, by IAM Roles Anywhere. The actions and conditions are those of
 * its user guide, "Trust model": without the conditions, any certificate of any trust anchor in the account would do.
 */
function addCertificateHolder(
  stack: Stack,
  { authority, commonName }: NonNullable<Site['certificate']>,
  name: string,
  addRole: (assumedBy: iam.IPrincipal) => iam.Role,
): void {
  const anchor = new CfnTrustAnchor(stack, 'TrustAnchor', {
    name,
    enabled: true,
    source: { sourceType: 'CERTIFICATE_BUNDLE', sourceData: { x509CertificateData: authority } },
  });
  const conditions = {
    StringEquals: { 'aws:PrincipalTag/x509Subject/CN': commonName },
    ArnEquals: { 'aws:SourceArn': anchor.attrTrustAnchorArn },
  };
  const holder = new iam.ServicePrincipal('rolesanywhere.amazonaws.com', { conditions });
  const role = addRole(holder);
  role.assumeRolePolicy?.addStatements(
    new iam.PolicyStatement({ principals: [holder], actions: ['sts:TagSession', 'sts:SetSourceIdentity'] }),
  );
  const profile = new CfnProfile(stack, 'Profile', {
    name,
    enabled: true,
    roleArns: [role.roleArn],
    durationSeconds: SESSION.toSeconds(),
  });
  // What the machine's credential process needs.
  addOutputs(stack, {
    TrustAnchorArn: anchor.attrTrustAnchorArn,
    ProfileArn: profile.attrProfileArn,
  });
}
