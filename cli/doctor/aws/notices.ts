import type { ImageName, StoredImage } from '../../../lib/aws/account/registry.ts';
import { type Finding, failed, ok, warning } from '../finding.ts';

/** Service-linked roles that Batch's hosts need. AWS creates them by itself for principals that may. */
export const SERVICE_ROLES = [
  { name: 'AWSServiceRoleForBatch', service: 'batch.amazonaws.com' },
  { name: 'AWSServiceRoleForEC2Spot', service: 'spot.amazonaws.com' },
  { name: 'AWSServiceRoleForECS', service: 'ecs.amazonaws.com' },
] as const;

export const checkServiceRole = ({ name, service }: (typeof SERVICE_ROLES)[number], exists: boolean): Finding =>
  exists
    ? ok(`role ${name}`, 'exists')
    : warning(
        `role ${name}`,
        'does not exist yet; AWS makes it at its first use, if the caller may',
        `aws iam create-service-linked-role --aws-service-name ${service}`,
      );

/** @param isDeployed whether the stack with the repository is deployed */
export function checkImage(image: ImageName, stored: StoredImage | undefined, isDeployed: boolean): Finding {
  const check = `image ${image.repository}:${image.tag ?? image.digest}`;
  if (stored) {
    const pushed = stored.pushedAt ? `, pushed ${stored.pushedAt.toISOString().slice(0, 16)}Z` : '';
    return ok(check, `${stored.digest} in ${image.registry}, ${(stored.bytes / 1e9).toFixed(1)} GB${pushed}`);
  }
  const cure = 'Build and push it: npx fedcardio image push --federation federation.json';
  return isDeployed
    ? failed(check, `is not in ${image.registry}: every GPU task would fail`, cure)
    : warning(
        check,
        `is not in ${image.registry} yet`,
        `After the first deployment, build and push it: ${cure.split(': ')[1]}`,
      );
}

/** @param stack whose topic of alarms it is */
export function checkSubscriptions(
  stack: string,
  topic: string,
  { confirmed, pending }: { readonly confirmed: number; readonly pending: number },
): Finding {
  const check = `alarms of ${stack}`;
  const subscribe = `aws sns subscribe --topic-arn ${topic} --protocol email --notification-endpoint team@hospital.example`;
  if (confirmed === 0) {
    return pending > 0
      ? warning(check, `${pending} subscriptions wait for a confirmation`, 'Follow the link in the mail from AWS.')
      : warning(check, 'nobody is subscribed', subscribe);
  }
  return pending > 0
    ? warning(check, `${confirmed} subscribed, ${pending} not confirmed`, 'Follow the link in the mail from AWS.')
    : ok(check, `${confirmed} subscribed`);
}

export const checkBudgets = (names: readonly string[]): Finding =>
  names.length > 0
    ? ok('budget', names.join(', '))
    : warning('budget', 'the account has none', 'Create one with an alert, in the console under Billing, Budgets.');
