import { type App, CfnOutput } from 'aws-cdk-lib/core';
import type { Federation } from '../lib/federation/schemas.ts';
import { encryptionOf } from '../lib/federation/topology.ts';
import { sharedKeyAlias } from './arns.ts';
import { addKey, allowGuests, allowLogsAndAlarms, KeyStack, sharedKeyExport } from './keys.ts';
import { locationsOf } from './locations.ts';
import { environmentOf, withoutBootstrapRule } from './stack-options.ts';

/** A stack with the shared key, for each account and region where the coordinator or a site uses it. */
export function addKeyStacks(app: App, federation: Federation): void {
  for (const { place, stackName, owners } of locationsOf(federation)) {
    if (!owners.some((owner) => encryptionOf(federation, owner) === 'shared-key')) continue;
    const stack = new KeyStack(app, stackName('keys'), {
      ...environmentOf(place),
      description: `fedcardio: key of federation ${federation.id} in this account and region`,
      terminationProtection: true,
      synthesizer: withoutBootstrapRule(),
    });
    const key = addKey(stack, 'Key', `Objects, logs and alarms of ${federation.id}`, sharedKeyAlias(federation.id));
    allowLogsAndAlarms(key);
    if (owners.includes(undefined)) allowGuests(key, federation);
    new CfnOutput(stack, 'KeyArn', { value: key.keyArn, exportName: sharedKeyExport(federation) });
  }
}
