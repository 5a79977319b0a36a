import { BudgetsClient, paginateDescribeBudgets } from '@aws-sdk/client-budgets';
import { GetRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { paginateListSubscriptionsByTopic, SNSClient } from '@aws-sdk/client-sns';
import { type AccountOptions, attempt, configOf, unless } from './attempt.ts';

/** Number of a topic's subscriptions that receive messages, and of those that nobody has confirmed yet. */
export async function subscriptionsOf(
  options: AccountOptions,
  topic: string,
): Promise<{ readonly confirmed: number; readonly pending: number }> {
  const client = new SNSClient(configOf(options));
  return attempt(`list the subscriptions of ${topic}`, async () => {
    let [confirmed, pending] = [0, 0];
    for await (const page of paginateListSubscriptionsByTopic({ client }, { TopicArn: topic })) {
      for (const { SubscriptionArn = '' } of page.Subscriptions ?? []) {
        if (SubscriptionArn.startsWith('arn:')) confirmed += 1;
        else if (SubscriptionArn === 'PendingConfirmation') pending += 1;
      }
    }
    return { confirmed, pending };
  });
}

/** Names of the account's budgets. */
export async function budgetsOf(options: AccountOptions, account: string): Promise<readonly string[]> {
  const client = new BudgetsClient(configOf(options));
  return attempt('list the budgets', async () => {
    const names: string[] = [];
    for await (const page of paginateDescribeBudgets({ client }, { AccountId: account })) {
      names.push(...(page.Budgets ?? []).map(({ BudgetName = '' }) => BudgetName));
    }
    return names;
  });
}

/** Whether the account has a role of this name. */
export async function hasRole(options: AccountOptions, name: string): Promise<boolean> {
  const client = new IAMClient(configOf(options));
  const found = await attempt(`look up role ${name}`, () =>
    unless(['NoSuchEntity', 'NoSuchEntityException'], () => client.send(new GetRoleCommand({ RoleName: name }))),
  );
  return found !== undefined;
}
